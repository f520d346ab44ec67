use signalr::hub;

#[hub]
pub trait Chat {
    async fn send(text: &str);
    fn mutably(&mut self);
}

fn main() {}
