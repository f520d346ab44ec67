use signalr::receiver;

#[receiver]
pub trait ChatClient {
    async fn said_it(&self);

    #[receiver(name = "SAIDIT")]
    async fn told(&self);
}

fn main() {}
