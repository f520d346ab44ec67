use signalr::hub;

#[hub]
pub trait Chat {
    async fn send(&self, text: &str);
    async fn leave(&self);
}

pub struct App;

#[hub]
impl Chat for App {
    async fn send(&self, _text: &str) {}
}

fn main() {}
