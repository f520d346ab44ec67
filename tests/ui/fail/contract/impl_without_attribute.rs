use signalr::{HubServer, hub};

#[hub]
pub trait Chat {
    async fn send(&self);
}

pub struct App;

impl Chat for App {
    async fn send(&self) {}
}

fn main() {
    let _ = HubServer::new(App);
}
