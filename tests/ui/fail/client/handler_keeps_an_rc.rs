use std::rc::Rc;

use signalr::{Error, HubConnection};

fn hear(connection: &HubConnection, prefix: Rc<String>) {
    connection.on("said", move |text: String| {
        println!("{prefix} {text}");
        async {}
    });
}

fn answer(connection: &HubConnection, prefix: Rc<String>) -> Result<(), Error> {
    connection.respond("prefix", move || {
        let prefix = prefix.len();
        async move { Ok(prefix) }
    })?;
    Ok(())
}

fn main() {}
