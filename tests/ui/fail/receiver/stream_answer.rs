use futures_util::Stream;

use signalr::receiver;

#[receiver]
pub trait ChatClient {
    async fn lines(&self) -> impl Stream<Item = String>;
}

fn main() {}
