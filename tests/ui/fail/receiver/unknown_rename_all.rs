use signalr::receiver;

#[receiver(rename_all = "SCREAMING")]
pub trait ChatClient {
    async fn said(&self, text: &str);
}

fn main() {}
