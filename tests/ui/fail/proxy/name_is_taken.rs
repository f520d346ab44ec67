use signalr::hub;

pub struct Chat;

pub struct ChatProxy;

#[hub]
impl Chat {
    pub fn send(&self) {}
}

fn main() {
    let _ = ChatProxy;
}
