use signalr::{HubError, hub};

pub struct Chat;

#[hub]
impl Chat {
    async fn on_connected(&self) -> Result<Self::Session, HubError> {
        Ok(())
    }
}

fn main() {}
