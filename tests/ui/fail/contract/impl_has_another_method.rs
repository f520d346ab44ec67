use signalr::hub;

#[hub]
pub trait Chat {
    async fn send(&self, text: &str);
}

pub struct App;

#[hub]
impl Chat for App {
    async fn send(&self, _text: &str) {}
    async fn helper(&self) {}
}

fn main() {}
