use futures_util::{Stream, stream};
use signalr::{Error, HubConnection, hub};

pub struct Counter;

#[hub]
impl Counter {
    pub fn numbers(&self) -> impl Stream<Item = u32> + use<> {
        stream::empty()
    }
}

async fn call(connection: &HubConnection) -> Result<(), Error> {
    CounterProxy::new(connection).sending().numbers().await
}

fn main() {}
