use signalr::receiver;

#[receiver]
pub trait ChatClient {
    async fn said(&self, text: &str);
    async fn confirm(&self, prompt: String) -> bool;
}

pub struct Ui;

#[receiver]
impl ChatClient for Ui {
    async fn said(&self, _text: &str) {}
    async fn told(&self, _text: &str) {}
    async fn confirm(&self, prompt: String) -> bool {
        prompt.is_empty()
    }
}

fn main() {}
