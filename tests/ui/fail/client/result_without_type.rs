use signalr::{Error, HubConnection};

async fn call(connection: &HubConnection) -> Result<(), Error> {
    connection.invoke("say", ("hi",)).await?;
    Ok(())
}

fn main() {}
