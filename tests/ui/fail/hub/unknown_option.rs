use signalr::hub;

pub struct Chat;

#[hub(clients = ChatClient)]
impl Chat {
    pub async fn send(&self) {}
}

fn main() {}
