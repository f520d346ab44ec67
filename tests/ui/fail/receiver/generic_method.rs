use signalr::receiver;

#[receiver]
pub trait ChatClient {
    async fn said<T: serde::Serialize>(&self, value: T);
    async fn told(&self, value: impl serde::Serialize);
}

fn main() {}
