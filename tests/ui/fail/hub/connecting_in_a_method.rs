use signalr::{Connecting, hub};

pub struct Chat;

#[hub]
impl Chat {
    pub async fn send(&self, cx: &Connecting<Self>) {
        let _ = cx;
    }
}

fn main() {}
