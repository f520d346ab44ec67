use signalr::receiver;

#[receiver]
pub trait ChatClient {
    async fn said(text: &str);
}

fn main() {}
