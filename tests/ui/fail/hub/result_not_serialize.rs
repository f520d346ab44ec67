use signalr::{HubError, hub};

pub struct Message;

pub struct Chat;

#[hub]
impl Chat {
    pub async fn message(&self) -> Message {
        Message
    }
    pub fn messages(&self) -> Result<Vec<Message>, HubError> {
        Ok(vec![])
    }
}

fn main() {}
