//! Senders that wait for a slow reader: in order, and only as long as they must.

use std::{
    sync::Arc,
    sync::atomic::{AtomicU64, Ordering::SeqCst},
    time::Duration,
};

use futures_util::future::poll_immediate;
use signalr::{HubContext, HubServer, hub};
use tokio::time::Instant;

use crate::support::{Peer, settle};

struct Quiet;

#[hub]
impl Quiet {}

/// A client that takes 64 bytes, and a server that lets 1,000 wait for it.
async fn slow_peer() -> (HubServer<Quiet>, Peer) {
    let server = HubServer::builder(Quiet).send_queue_limit(1_000).build();
    let server = server.expect("valid options");
    let slow = Peer::connect_with(&server, 64).await;
    (server, slow)
}

/// Sends a numbered message of some size to everybody.
async fn send(cx: HubContext<Quiet>, number: u64) {
    let all = cx.clients().all();
    let text = "x".repeat(300);
    all.send("n", (number, text)).await.expect("sent");
}

async fn hear(slow: &mut Peer) -> u64 {
    slow.heard("n").await[0].as_u64().expect("a number")
}

#[apply(both_encodings)]
async fn what_was_queued_behind_a_slow_write_goes_out_as_soon_as_it_can() {
    let server = HubServer::new(Quiet);
    let mut slow = Peer::connect_with(&server, 64).await;
    for number in 0..3 {
        send(server.context(), number).await;
        settle().await;
    }
    let start = Instant::now();
    for number in 0..3 {
        assert_eq!(hear(&mut slow).await, number);
    }
    assert!(
        start.elapsed() < Duration::from_secs(1),
        "no ping had to help"
    );
}

#[apply(both_encodings)]
async fn no_sender_is_overtaken_by_a_later_one() {
    let (server, mut slow) = slow_peer().await;
    let issued = Arc::new(AtomicU64::new(0));
    let send_next = || {
        let (cx, issued) = (server.context(), Arc::clone(&issued));
        tokio::spawn(async move { send(cx, issued.fetch_add(1, SeqCst)).await });
    };
    for _ in 0..200 {
        send_next();
    }
    settle().await;
    for expected in 0..250 {
        assert_eq!(hear(&mut slow).await, expected);
        // Further ones come while the line moves.
        if expected < 50 {
            send_next();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn four_hundred_senders_on_four_threads_are_all_served() {
    let (server, mut slow) = slow_peer().await;
    let tasks: Vec<_> = (0..400)
        .map(|number| tokio::spawn(send(server.context(), number)))
        .collect();
    let mut heard = Vec::new();
    for _ in 0..400 {
        heard.push(hear(&mut slow).await);
    }
    heard.sort_unstable();
    assert!(heard.into_iter().eq(0..400), "each once");
    for task in tasks {
        task.await.expect("sent");
    }
}

#[apply(both_encodings)]
async fn a_sender_that_stops_waiting_takes_its_message_back() {
    let (server, mut slow) = slow_peer().await;
    let mut waiting = Vec::new();
    for number in 0..20 {
        let mut sending = Box::pin(send(server.context(), number));
        if poll_immediate(&mut sending).await.is_none() {
            waiting.push((number, sending));
        }
    }
    assert!(waiting.len() > 10, "most of them wait");
    // Every other one gives up.
    let given_up: Vec<u64> = waiting
        .iter()
        .map(|(number, _)| *number)
        .step_by(2)
        .collect();
    waiting.retain(|(number, _)| !given_up.contains(number));
    for number in (0..20).filter(|number| !given_up.contains(number)) {
        assert_eq!(hear(&mut slow).await, number);
    }
    for (_, sending) in waiting {
        sending.await;
    }
}

#[apply(both_encodings)]
async fn those_in_line_are_released_when_the_connection_ends() {
    let (server, slow) = slow_peer().await;
    let tasks: Vec<_> = (0..20)
        .map(|number| tokio::spawn(send(server.context(), number)))
        .collect();
    settle().await;
    assert!(tasks.iter().any(|task| !task.is_finished()));
    drop(slow);
    for task in tasks {
        task.await.expect("released");
    }
}
