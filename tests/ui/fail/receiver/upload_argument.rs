use signalr::{Receiver, receiver};

#[receiver]
pub trait ChatClient {
    async fn said(&self, lines: Receiver<String>);
}

fn main() {}
