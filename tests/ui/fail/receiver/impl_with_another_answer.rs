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
    async fn confirm(&self, prompt: String) -> u32 {
        prompt.len() as u32
    }
}

fn main() {}
