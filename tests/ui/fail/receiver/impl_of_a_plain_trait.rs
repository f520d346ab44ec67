use signalr::receiver;

pub trait ChatClient {
    fn said(&self, text: &str) -> impl Future<Output = ()> + Send;
}

pub struct Ui;

#[receiver]
impl ChatClient for Ui {
    async fn said(&self, _text: &str) {}
}

fn main() {}
