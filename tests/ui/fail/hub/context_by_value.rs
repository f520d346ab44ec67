use signalr::{Context, hub};

pub struct Chat;

#[hub]
impl Chat {
    pub async fn send(&self, cx: Context<Self>) {
        drop(cx);
    }
}

fn main() {}
