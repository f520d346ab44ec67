use signalr::{Context, HubServer, hub};

pub struct Chat;

#[hub(clients = ChatClient)]
impl Chat {
    pub fn new() -> Self {
        Self
    }
    pub async fn rename(&mut self, (first, last): (String, String)) {
        drop((first, last));
    }
    pub async fn send(&self, cx: Context<Self>, text: &mut str) {
        let _ = (cx, text);
    }
    pub async fn fine(&self) {}
}

pub fn serve() -> HubServer<Chat> {
    HubServer::new(Chat)
}

fn main() {}
