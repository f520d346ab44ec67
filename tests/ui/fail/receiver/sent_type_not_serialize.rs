use signalr::{Context, HubError, hub, receiver};

#[derive(serde::Deserialize)]
pub struct Message;

#[receiver]
pub trait ChatClient {
    async fn said(&self, message: Message);
}

pub struct Chat;

#[hub(client = ChatClient)]
impl Chat {
    pub async fn send(&self, cx: &Context<Self>) -> Result<(), HubError> {
        cx.clients().all().said(Message).await?;
        Ok(())
    }
}

fn main() {}
