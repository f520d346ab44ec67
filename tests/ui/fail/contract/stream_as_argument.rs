use futures_util::Stream;
use signalr::hub;

#[hub]
pub trait Chat {
    async fn fill(&self, rows: impl Stream<Item = u32>);
}

fn main() {}
