use signalr::receiver;

#[receiver]
pub trait ChatClient {
    async fn moved(&self, other: Self);
    async fn copy(&self) -> Option<Self>;
}

fn main() {}
