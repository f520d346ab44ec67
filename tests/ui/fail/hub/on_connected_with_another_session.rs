use signalr::{Connecting, HubError, hub};

pub struct Chat;

#[hub(session = u32)]
impl Chat {
    async fn on_connected(&self, cx: &Connecting<Self>) -> Result<String, HubError> {
        Ok(cx.connection_id().to_string())
    }
}

fn main() {}
