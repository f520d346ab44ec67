use signalr::{Error, HubConnection, hub};

#[derive(serde::Deserialize)]
pub struct Message;

pub struct Chat;

#[hub]
impl Chat {
    pub async fn send(&self, message: Message) {
        drop(message);
    }
    pub async fn lend(&self, message: &Message) {
        let _ = message;
    }
}

async fn call(connection: &HubConnection) -> Result<(), Error> {
    let chat = ChatProxy::new(connection);
    chat.send(Message).await?;
    chat.lend(&Message).await
}

fn main() {}
