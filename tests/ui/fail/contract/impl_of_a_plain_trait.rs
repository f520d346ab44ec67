use signalr::hub;

pub trait Chat {
    async fn send(&self, text: &str);
}

pub trait Other {
    fn send(&self);
}

pub struct App;

#[hub]
impl Chat for App {
    async fn send(&self, _text: &str) {}
}

pub struct Second;

#[hub]
impl Other for Second {
    fn send(&self) {}
}

fn main() {}
