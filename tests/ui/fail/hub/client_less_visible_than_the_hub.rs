use signalr::{hub, receiver};

#[receiver]
trait ChatClient {
    async fn said(&self, text: &str);
}

pub struct Chat;

#[hub(client = ChatClient)]
impl Chat {
    pub async fn send(&self) {}
}

fn main() {}
