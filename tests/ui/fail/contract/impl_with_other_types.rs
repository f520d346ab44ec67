use signalr::{Context, HubError, hub};

#[hub]
pub trait Chat {
    async fn send(&self, text: &str) -> Result<usize, HubError>;
    async fn leave(&self, cx: &Context<Self>, room: String);
    async fn count(&self) -> usize;
}

pub struct App;

#[hub]
impl Chat for App {
    async fn send(&self, text: String) -> Result<usize, HubError> {
        Ok(text.len())
    }
    async fn leave(&self, _room: String) {}
    async fn count(&self) -> String {
        String::new()
    }
}

fn main() {}
