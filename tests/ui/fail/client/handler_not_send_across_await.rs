use std::rc::Rc;

use signalr::{Error, HubConnection};

fn hear(connection: &HubConnection) {
    connection.on("said", |text: String| async move {
        let text = Rc::new(text);
        tokio::task::yield_now().await;
        println!("{text}");
    });
}

fn answer(connection: &HubConnection) -> Result<(), Error> {
    connection.respond("count", |text: String| async move {
        let text = Rc::new(text);
        tokio::task::yield_now().await;
        Ok(text.len())
    })?;
    Ok(())
}

fn main() {}
