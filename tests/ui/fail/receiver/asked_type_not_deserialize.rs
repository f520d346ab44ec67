use signalr::{Context, HubError, hub, receiver};

#[derive(serde::Serialize)]
pub struct Answer;

#[receiver]
pub trait ChatClient {
    async fn ask(&self) -> Answer;
}

pub struct Chat;

#[hub(client = ChatClient)]
impl Chat {
    pub async fn send(&self, cx: &Context<Self>) -> Result<(), HubError> {
        let _answer = cx.clients().caller().ask().await?;
        Ok(())
    }
}

fn main() {}
