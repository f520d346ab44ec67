#![deny(unused_must_use)]

use signalr::{Context, hub, receiver};

#[receiver]
pub trait ChatClient {
    async fn said(&self, text: &str);
}

pub struct Chat;

#[hub(client = ChatClient)]
impl Chat {
    pub async fn send(&self, cx: &Context<Self>, text: &str) {
        cx.clients().all().said(text);
    }
}

fn main() {}
