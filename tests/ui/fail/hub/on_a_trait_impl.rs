use signalr::hub;

pub trait Chat {
    fn send(&self);
}

pub struct ChatHub;

#[hub]
impl Chat for ChatHub {
    fn send(&self) {}
}

fn main() {}
