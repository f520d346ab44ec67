use signalr::{Connecting, hub};

pub struct Chat;

#[hub]
impl Chat {
    async fn on_connected(&self, cx: &Connecting<Self>) -> std::io::Result<()> {
        let _ = cx;
        Ok(())
    }
}

fn main() {}
