use signalr::hub;

pub struct Chat;

#[hub]
impl Chat {
    pub unsafe fn send(&self) {}
}

fn main() {}
