use signalr::receiver;

#[receiver]
pub trait ChatClient {
    async fn name(&self) -> &str;
}

fn main() {}
