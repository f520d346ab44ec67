use signalr::hub;

pub struct Message;

pub struct Chat;

#[hub]
impl Chat {
    pub async fn send(&self, message: Message) {
        drop(message);
    }
}

fn main() {}
