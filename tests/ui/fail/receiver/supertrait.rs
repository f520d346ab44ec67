use signalr::receiver;

#[receiver]
pub trait ChatClient: Send + Clone {
    async fn said(&self, text: &str);
}

fn main() {}
