use signalr::hub;

pub struct Chat;

#[hub]
impl Chat {
    pub async fn send_it(&self) {}

    #[hub(name = "SendIt")]
    pub async fn other(&self) {}
}

fn main() {}
