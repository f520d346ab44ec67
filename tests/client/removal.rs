//! Handlers whose drop does something.

use std::{future::ready, time::Duration};

use signalr::{HubConnection, Registration};

/// Takes another registration away when it is dropped.
struct Guard(Option<Registration>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.take().expect("dropped once").remove();
    }
}

/// On a thread of its own: what goes wrong here is a deadlock.
#[test]
fn a_closure_whose_drop_takes_others_away_may_be_taken_away() {
    type Take = fn(&HubConnection, Registration);
    let takes: [Take; 3] = [
        |connection, _| connection.off("a"),
        |_, registration| registration.remove(),
        |connection, _| {
            // Refused, and so dropped.
            let guard = Guard(Some(connection.on("b", || ready(()))));
            let answer = move || {
                let _ = &guard;
                ready(Ok(2))
            };
            let second = connection.respond("answered", answer);
            second.expect_err("there is one");
        },
    ];
    for take in takes {
        let (sender, done) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let builder = HubConnection::builder("http://localhost/");
            let builder = builder.respond("answered", || ready(Ok(1)));
            let connection = builder.build().expect("valid");
            let guard = Guard(Some(connection.on("b", || ready(()))));
            let registration = connection.on("a", move || {
                let _ = &guard;
                ready(())
            });
            take(&connection, registration);
            sender.send(()).expect("the test waits");
        });
        let done = done.recv_timeout(Duration::from_secs(60));
        done.expect("it does not wait for itself");
    }
}
