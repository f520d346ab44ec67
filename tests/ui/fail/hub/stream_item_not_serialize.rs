use futures_util::{Stream, stream};

use signalr::{HubError, hub};

pub struct Message;

pub struct Chat;

#[hub]
impl Chat {
    pub fn messages(&self) -> impl Stream<Item = Message> {
        stream::empty()
    }
    pub fn tries(&self) -> impl Stream<Item = Result<Message, HubError>> {
        stream::empty()
    }
}

fn main() {}
