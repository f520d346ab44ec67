use signalr::hub;

pub struct Chat;

#[hub]
impl Chat {
    #[hub(name = "sendIt")]
    async fn send(&self) {}
}

fn main() {}
