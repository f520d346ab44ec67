use signalr::receiver;

#[receiver]
pub trait ChatClient<T> {
    async fn said(&self, text: T);
}

fn main() {}
