use signalr::hub;

pub struct Chat;

#[hub(name = "a", name = "b")]
impl Chat {
    pub async fn send(&self) {}
}

fn main() {}
