use signalr::receiver;

pub struct Ui;

#[receiver]
impl ChatClient for Ui {
    async fn said(&self, _text: &str) {}
}

fn main() {}
