use signalr::hub;

pub struct Chat;

#[hub]
impl Chat {
    pub async fn send_all(&self, texts: Vec<impl Into<String>>) {
        drop(texts);
    }
}

fn main() {}
