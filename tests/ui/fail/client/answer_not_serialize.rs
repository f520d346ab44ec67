use signalr::{Error, HubConnection};

pub struct Plain;

fn answer(connection: &HubConnection) -> Result<(), Error> {
    connection.respond("plain", || async { Ok(Plain) })?;
    Ok(())
}

fn main() {}
