use signalr::receiver;

#[receiver]
pub trait ChatClient {
    async fn said(&self, text: &str);
}

#[receiver]
pub trait GameClient {
    async fn moved(&self, x: u8, y: u8);
}

pub struct Ui;

#[receiver]
impl ChatClient for Ui {
    async fn said(&self, _text: &str) {}
}

#[receiver]
impl GameClient for Ui {
    async fn moved(&self, _x: u8, _y: u8) {}
}

fn main() {}
