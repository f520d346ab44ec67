use signalr::receiver;

#[derive(serde::Serialize)]
pub struct Message;

#[derive(serde::Deserialize)]
pub struct Answer;

#[receiver]
pub trait ChatClient {
    async fn said(&self, message: Message);
    async fn ask(&self) -> Answer;
}

pub struct Ui;

#[receiver]
impl ChatClient for Ui {
    async fn said(&self, _message: Message) {}
    async fn ask(&self) -> Answer {
        Answer
    }
}

fn main() {}
