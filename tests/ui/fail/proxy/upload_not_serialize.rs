use futures_util::stream;
use signalr::{Error, HubConnection, Receiver, hub};

#[derive(serde::Deserialize)]
pub struct Row;

pub struct Table;

#[hub]
impl Table {
    pub fn fill(&self, rows: Receiver<Row>) {
        drop(rows);
    }
}

async fn call(connection: &HubConnection) -> Result<(), Error> {
    TableProxy::new(connection).fill(stream::iter([Row])).await
}

fn main() {}
