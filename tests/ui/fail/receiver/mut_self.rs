use signalr::receiver;

#[receiver]
pub trait ChatClient {
    async fn said(&mut self, text: &str);
    async fn told(self, text: &str);
}

fn main() {}
