use signalr::{Error, HubConnection};

fn answer(connection: &HubConnection) -> Result<(), Error> {
    connection.respond("count", |text: String| async move { text.len() })?;
    Ok(())
}

fn answer_with_another_error(connection: &HubConnection) -> Result<(), Error> {
    connection.respond("parse", |text: String| async move { text.parse::<u32>() })?;
    Ok(())
}

fn main() {}
