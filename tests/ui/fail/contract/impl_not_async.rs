use signalr::hub;

#[hub]
pub trait Chat {
    async fn send(&self, text: &str);
    fn count(&self) -> usize;
}

pub struct App;

#[hub]
impl Chat for App {
    fn send(&self, _text: &str) {}
    async fn count(&self) -> usize {
        1
    }
}

fn main() {}
