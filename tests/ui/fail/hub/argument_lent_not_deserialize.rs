use signalr::hub;

pub struct Message;

pub struct Chat;

#[hub]
impl Chat {
    pub async fn send(&self, all: &[Message], one: &Message) {
        let _ = (all, one);
    }
}

fn main() {}
