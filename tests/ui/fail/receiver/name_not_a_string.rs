use signalr::receiver;

#[receiver]
pub trait ChatClient {
    #[receiver(name = Said)]
    async fn said(&self, text: &str);
}

fn main() {}
