use signalr::hub;

#[hub]
pub trait Chat {
    async fn send(&self);
}

fn main() {}
