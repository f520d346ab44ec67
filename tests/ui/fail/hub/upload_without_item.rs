use signalr::hub;

use tokio::sync::mpsc::Receiver;

pub struct Chat;

#[hub]
impl Chat {
    pub async fn take(&self, lines: Receiver) {
        drop(lines);
    }
}

fn main() {}
