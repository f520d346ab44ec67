use signalr::{Error, HubConnection, hub};

pub struct Chat;

#[hub]
impl Chat {
    pub fn send(&self) {
        self.helper();
    }
    fn helper(&self) {}
}

async fn call(connection: &HubConnection) -> Result<(), Error> {
    ChatProxy::new(connection).helper().await
}

fn main() {}
