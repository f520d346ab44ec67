use signalr::hub;

pub struct Chat;

impl Chat {
    #[hub]
    pub async fn send(&self) {}
}

fn main() {}
