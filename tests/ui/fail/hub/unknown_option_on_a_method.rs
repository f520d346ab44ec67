use signalr::hub;

pub struct Chat;

#[hub]
impl Chat {
    #[hub(rename = "SendIt")]
    pub async fn send(&self) {}

    #[hub]
    pub async fn other(&self) {}
}

fn main() {}
