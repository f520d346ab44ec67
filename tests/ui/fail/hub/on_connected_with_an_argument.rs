use signalr::{Connecting, HubError, hub};

pub struct Chat;

#[hub]
impl Chat {
    async fn on_connected(&self, cx: &Connecting<Self>, name: String) -> Result<(), HubError> {
        let _ = (cx, name);
        Ok(())
    }
}

fn main() {}
