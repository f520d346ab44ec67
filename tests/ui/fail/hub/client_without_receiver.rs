use signalr::hub;

pub trait ChatClient {
    fn said(&self, text: &str) -> impl Future<Output = ()> + Send;
}

pub struct Chat;

#[hub(client = ChatClient)]
impl Chat {
    pub async fn send(&self) {}
}

fn main() {}
