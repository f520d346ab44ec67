use signalr::receiver;

pub struct Ui;

#[receiver]
impl Ui {
    pub async fn said(&self, _text: &str) {}
}

fn main() {}
