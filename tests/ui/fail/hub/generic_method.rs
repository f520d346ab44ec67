use signalr::hub;

pub struct Chat;

#[hub]
impl Chat {
    pub async fn send<T: serde::de::DeserializeOwned>(&self, value: T) {
        drop(value);
    }
    pub async fn fill<const N: usize>(&self) {}
}

fn main() {}
