use signalr::{Error, HubConnection};

fn hear(connection: &HubConnection) {
    connection.on("said", |text: String| println!("{text}"));
}

fn answer(connection: &HubConnection) -> Result<(), Error> {
    connection.respond("count", |text: String| Ok(text.len()))?;
    Ok(())
}

fn main() {}
