use signalr::{Context, hub, receiver};

#[receiver]
pub trait ChatClient {
    async fn said(&self, cx: &Context<Chat>, text: &str);
}

pub struct Chat;

#[hub(client = ChatClient)]
impl Chat {}

fn main() {}
