use signalr::hub;

pub struct Ui;

pub struct Chat;

#[hub(client = Ui)]
impl Chat {
    pub async fn send(&self) {}
}

fn main() {}
