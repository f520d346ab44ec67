use signalr::hub;

pub struct Chat;

#[hub(rename_all = "kebab-case")]
impl Chat {
    pub async fn send(&self) {}
}

fn main() {}
