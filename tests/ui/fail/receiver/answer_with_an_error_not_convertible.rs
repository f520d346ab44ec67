use signalr::receiver;

pub struct Failure;

#[receiver]
pub trait ChatClient {
    async fn confirm(&self) -> Result<bool, Failure>;
}

fn main() {}
