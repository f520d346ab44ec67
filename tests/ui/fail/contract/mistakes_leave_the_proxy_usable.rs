use signalr::{Error, HubConnection, hub};

#[hub]
pub trait Chat {
    fn send(&self, (a, b): (u8, u8));
    fn fine(&self, text: &str) -> usize;
}

async fn call(connection: &HubConnection) -> Result<usize, Error> {
    ChatProxy::new(connection).fine("text").await
}

fn main() {}
