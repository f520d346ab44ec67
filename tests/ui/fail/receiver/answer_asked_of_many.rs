use signalr::{Context, HubError, hub, receiver};

#[receiver]
pub trait ChatClient {
    async fn confirm(&self, prompt: &str) -> bool;
}

pub struct Chat;

#[hub(client = ChatClient)]
impl Chat {
    pub async fn send(&self, cx: &Context<Self>) -> Result<(), HubError> {
        let _yes = cx.clients().all().confirm("sure?").await?;
        Ok(())
    }
}

fn main() {}
