use signalr::hub;

pub struct Chat;

#[hub(client = "ChatClient")]
impl Chat {
    #[hub(name = 3)]
    pub async fn send(&self) {}

    #[hub(name = "")]
    pub async fn other(&self) {}
}

fn main() {}
