use signalr::{Error, HubConnection, hub};

#[derive(serde::Serialize)]
pub struct Answer;

pub struct Chat;

#[hub]
impl Chat {
    pub async fn ask(&self) -> Answer {
        Answer
    }
}

async fn call(connection: &HubConnection) -> Result<(), Error> {
    let _ = ChatProxy::new(connection).ask().await?;
    Ok(())
}

fn main() {}
