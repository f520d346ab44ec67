use signalr::receiver;

type Outcome = Result<bool, String>;

#[receiver]
pub trait ChatClient {
    async fn confirm(&self) -> Outcome;
}

fn main() {}
