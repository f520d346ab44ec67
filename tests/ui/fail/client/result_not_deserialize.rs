use signalr::{Error, HubConnection};

pub struct Plain;

async fn call(connection: &HubConnection) -> Result<(), Error> {
    let _ = connection.invoke::<Plain>("plain", ()).await?;
    Ok(())
}

async fn read(connection: &HubConnection) -> Result<(), Error> {
    let _ = connection.stream::<Plain>("plain", ()).await?;
    Ok(())
}

fn main() {}
