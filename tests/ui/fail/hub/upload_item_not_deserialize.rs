use signalr::{Receiver, hub};

pub struct Message;

pub struct Chat;

#[hub]
impl Chat {
    pub async fn take(&self, messages: Receiver<Message>) {
        drop(messages);
    }
}

fn main() {}
