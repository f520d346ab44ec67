use signalr::{Receiver, hub};

pub struct Chat;

#[hub]
impl Chat {
    pub async fn take(&self, lines: &mut Receiver<String>) {
        while lines.recv().await.is_some() {}
    }
}

fn main() {}
