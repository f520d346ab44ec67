use signalr::hub;

pub struct Chat;

#[hub]
impl Chat {
    pub async fn send(&self, #[cfg(test)] extra: u8, text: String) {
        drop(text);
    }
}

fn main() {}
