use signalr::{Error, HubConnection};

fn hear(connection: &HubConnection) {
    connection.on("said", |text: &str| async move { println!("{text}") });
}

fn hear_in_a_closure_that_is_async(connection: &HubConnection) {
    connection.on("said", async |text: &str| println!("{text}"));
}

fn answer(connection: &HubConnection) -> Result<(), Error> {
    connection.respond("count", |text: &str| async move { Ok(text.len()) })?;
    Ok(())
}

fn main() {}
