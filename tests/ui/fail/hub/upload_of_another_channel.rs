use tokio::sync::broadcast;

use signalr::hub;

pub struct Chat;

#[hub]
impl Chat {
    pub async fn take(&self, lines: broadcast::Receiver<String>) {
        drop(lines);
    }
}

fn main() {}
