use signalr::hub;

pub struct Session;

pub struct Chat;

#[hub(session = Session)]
impl Chat {
    pub async fn send(&self) {}
}

fn main() {}
