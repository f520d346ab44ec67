use signalr::{Context, HubError, hub};

pub struct Chat;

#[hub]
impl Chat {
    async fn on_connected(&self, cx: &Context<Self>) -> Result<(), HubError> {
        let _ = cx;
        Ok(())
    }
}

fn main() {}
