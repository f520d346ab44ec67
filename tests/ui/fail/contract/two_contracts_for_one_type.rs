use signalr::hub;

#[hub]
pub trait Chat {
    fn send(&self);
}

#[hub]
pub trait Admin {
    fn ban(&self);
}

pub struct App;

#[hub]
impl Chat for App {
    fn send(&self) {}
}

#[hub]
impl Admin for App {
    fn ban(&self) {}
}

fn main() {}
