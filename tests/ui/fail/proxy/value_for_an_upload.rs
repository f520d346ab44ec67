use signalr::{Error, HubConnection, Receiver, hub};

pub struct Table;

#[hub]
impl Table {
    pub fn fill(&self, rows: Receiver<u32>) {
        drop(rows);
    }
}

async fn call(connection: &HubConnection) -> Result<(), Error> {
    TableProxy::new(connection).fill(vec![1, 2]).await
}

fn main() {}
