use futures_util::{Stream, stream};
use signalr::{Error, HubConnection, hub};

#[derive(serde::Serialize)]
pub struct Row;

pub struct Table;

#[hub]
impl Table {
    pub fn rows(&self) -> impl Stream<Item = Row> + use<> {
        stream::empty()
    }
}

async fn call(connection: &HubConnection) -> Result<(), Error> {
    let _ = TableProxy::new(connection).rows().await?;
    Ok(())
}

fn main() {}
