use signalr::{Connecting, HubError, hub};

pub struct Chat;

#[hub]
impl Chat {
    fn on_connected(&self, cx: &Connecting<Self>) -> Result<(), HubError> {
        let _ = cx;
        Ok(())
    }
}

fn main() {}
