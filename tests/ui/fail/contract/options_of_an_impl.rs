use signalr::hub;

#[hub(client = ChatClient, name = "Chat")]
pub trait Chat {
    #[hub(rename = "Send")]
    async fn send(&self);
}

fn main() {}
