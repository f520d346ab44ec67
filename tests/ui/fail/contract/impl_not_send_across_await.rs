use std::rc::Rc;

use signalr::hub;

#[hub]
pub trait Chat {
    async fn send(&self, text: &str);
}

pub struct App;

#[hub]
impl Chat for App {
    async fn send(&self, text: &str) {
        let text = Rc::new(text);
        std::future::ready(()).await;
        drop(text);
    }
}

fn main() {}
