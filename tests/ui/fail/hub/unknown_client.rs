use signalr::{hub, receiver};

#[receiver]
pub trait ChatClient {
    async fn said(&self, text: &str);
}

pub struct Chat;

#[hub(client = ChatClientt)]
impl Chat {
    pub async fn send(&self) {}
}

fn main() {}
