use futures_util::stream;
use signalr::{Error, HubConnection, Receiver, hub};

pub struct Table;

#[hub]
impl Table {
    pub fn fill(&self, rows: Receiver<u32>) {
        drop(rows);
    }
}

async fn call(connection: &HubConnection) -> Result<(), Error> {
    TableProxy::new(connection).fill(stream::iter(["one"])).await
}

fn main() {}
