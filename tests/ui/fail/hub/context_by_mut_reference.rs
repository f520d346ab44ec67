use signalr::{Context, hub};

pub struct Chat;

#[hub]
impl Chat {
    pub async fn send(&self, cx: &mut Context<Self>) {
        let _ = cx;
    }
}

fn main() {}
