use futures_util::{StreamExt, stream};
use signalr::{Error, HubConnection, Receiver, hub};

pub struct Table;

#[hub]
impl Table {
    pub fn fill(&self, rows: Receiver<u32>) {
        drop(rows);
    }
}

async fn call(connection: &HubConnection, rows: &[u32]) -> Result<(), Error> {
    let rows = stream::iter(rows).map(|row| *row);
    TableProxy::new(connection).fill(rows).await
}

fn main() {}
