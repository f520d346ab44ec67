use signalr::{Connecting, Error, HubError, hub};

pub struct Chat;

#[hub]
impl Chat {
    #[hub(name = "left")]
    async fn on_disconnected(
        &mut self,
        cx: &Connecting<Self>,
        reason: &Error,
        more: u8,
    ) -> Result<(), HubError> {
        let _ = (cx, reason, more);
        Ok(())
    }
}

fn main() {}
