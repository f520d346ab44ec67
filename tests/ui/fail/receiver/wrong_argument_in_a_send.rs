use signalr::{Context, HubError, hub, receiver};

#[receiver]
pub trait ChatClient {
    async fn said(&self, text: &str, at: u32);
}

pub struct Chat;

#[hub(client = ChatClient)]
impl Chat {
    pub async fn send(&self, cx: &Context<Self>) -> Result<(), HubError> {
        cx.clients().all().said("hello").await?;
        cx.clients().all().said("hello", "now").await?;
        Ok(())
    }
}

fn main() {}
