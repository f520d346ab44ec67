#![deny(unused_must_use)]

use signalr::{HubConnection, hub};

pub struct Chat;

#[hub]
impl Chat {
    pub fn send(&self, text: &str) {
        let _ = text;
    }
}

fn call(connection: &HubConnection) {
    ChatProxy::new(connection).send("hello");
}

fn main() {}
