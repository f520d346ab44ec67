use signalr::receiver;

#[receiver(rename = "PascalCase")]
pub trait ChatClient {
    async fn said(&self, text: &str);
}

fn main() {}
