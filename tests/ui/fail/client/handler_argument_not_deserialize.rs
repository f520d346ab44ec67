use signalr::{Error, HubConnection, HubConnectionBuilder};

pub struct Plain;

fn hear(connection: &HubConnection) {
    connection.on("said", |_: String, _: Plain| async move {});
}

fn hear_from_the_beginning(builder: HubConnectionBuilder) -> HubConnectionBuilder {
    builder.on("said", |_: Plain| async move {})
}

fn answer(connection: &HubConnection) -> Result<(), Error> {
    connection.respond("count", |_: Plain| async move { Ok(1) })?;
    Ok(())
}

fn main() {}
