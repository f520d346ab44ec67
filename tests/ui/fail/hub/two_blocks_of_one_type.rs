use signalr::hub;

pub struct Chat;

#[hub]
impl Chat {
    pub async fn send(&self) {}
}

#[hub]
impl Chat {
    pub async fn leave(&self) {}
}

fn main() {}
