use signalr::receiver;

type Result = std::result::Result<bool, signalr::HubError>;

#[receiver]
pub trait ChatClient {
    async fn confirm(&self) -> Result;
}

fn main() {}
