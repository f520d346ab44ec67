use signalr::{Context, HubError, hub, receiver};

#[receiver]
pub trait ChatClient {
    async fn said(&self, text: &str);
}

pub struct Chat;

#[hub(client = ChatClient)]
impl Chat {
    pub async fn send(&self, cx: &Context<Self>) -> Result<(), HubError> {
        cx.clients().all().sayd("hello").await?;
        Ok(())
    }
}

fn main() {}
