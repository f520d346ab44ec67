use signalr::{Context, HubError, Receiver, hub, receiver};

use futures_util::Stream;

#[receiver]
pub trait ChatClient {
    fn said(&self, text: &str);
    async fn placed(&self, (x, y): (u8, u8));
    async fn ask(&self) -> impl Stream<Item = bool>;
    async fn take(&self, lines: Receiver<u8>) -> bool;
}

pub struct Chat;

#[hub(client = ChatClient)]
impl Chat {
    pub async fn send(&self, cx: &Context<Self>) -> Result<(), HubError> {
        cx.clients().all().said("hello").await?;
        cx.clients().all().placed((1, 2)).await?;
        Ok(())
    }
}

fn main() {}
