use signalr::{Connecting, hub};

pub struct Chat;

#[hub]
impl Chat {
    async fn on_connected(&self, cx: &Connecting<Self>) {
        let _ = cx;
    }
}

fn main() {}
