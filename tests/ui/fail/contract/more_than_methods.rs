use signalr::hub;

#[hub]
pub trait Chat<T>: Clone {
    type Text;
    fn send(&self) {}
    async fn on_connected(&self);
}

fn main() {}
