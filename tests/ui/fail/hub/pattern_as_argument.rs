use signalr::hub;

pub struct Chat;

#[hub]
impl Chat {
    pub async fn place(&self, (x, y): (u8, u8), _: String) -> u8 {
        x + y
    }
}

fn main() {}
