use signalr::receiver;

#[receiver]
pub trait ChatClient {
    type Text;
    const LIMIT: usize;
    async fn said(&self, text: &str);
}

fn main() {}
