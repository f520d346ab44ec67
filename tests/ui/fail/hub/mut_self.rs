use signalr::hub;

pub struct Chat;

#[hub]
impl Chat {
    pub async fn rename(&mut self, name: String) {
        drop(name);
    }
    pub fn consume(self) {}
}

fn main() {}
