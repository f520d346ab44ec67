use signalr::receiver;

#[receiver]
pub trait ChatClient {
    async fn placed(&self, (x, y): (u8, u8), _: u8);
}

fn main() {}
