use signalr::receiver;

#[receiver]
pub trait ChatClient {
    fn said(&self, text: &str);
}

fn main() {}
