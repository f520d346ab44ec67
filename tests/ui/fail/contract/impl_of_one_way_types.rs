use signalr::hub;

#[derive(serde::Serialize)]
pub struct Message;

#[derive(serde::Deserialize)]
pub struct Answer;

#[hub]
pub trait Chat {
    async fn send(&self, message: &Message);
    async fn ask(&self) -> Answer;
}

pub struct App;

#[hub]
impl Chat for App {
    async fn send(&self, _message: &Message) {}
    async fn ask(&self) -> Answer {
        Answer
    }
}

fn main() {}
