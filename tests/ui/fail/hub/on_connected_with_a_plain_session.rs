use signalr::{Connecting, hub};

pub struct Chat;

#[hub]
impl Chat {
    async fn on_connected(&self, cx: &Connecting<Self>) -> String {
        cx.connection_id().to_string()
    }
}

fn main() {}
