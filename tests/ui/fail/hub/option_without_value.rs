use signalr::hub;

pub struct Chat;

#[hub(client)]
impl Chat {
    pub async fn send(&self) {}
}

fn main() {}
