use signalr::{Context, hub};

pub struct Chat;

#[hub]
impl Chat {
    pub async fn send(&self, text: &str, cx: &Context<Self>) {
        let _ = (text, cx);
    }
}

fn main() {}
