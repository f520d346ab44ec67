use signalr::receiver;

#[receiver]
pub trait ChatClient {
    #[receiver(rename = "Said")]
    async fn said(&self, text: &str);
}

fn main() {}
