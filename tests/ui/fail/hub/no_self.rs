use signalr::hub;

pub struct Chat;

#[hub]
impl Chat {
    pub fn new() -> Self {
        Self
    }
}

fn main() {}
