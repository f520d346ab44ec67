use signalr::receiver;

#[receiver]
pub trait ChatClient {
    async fn said(&self, text: &str) {
        println!("{text}");
    }
}

fn main() {}
