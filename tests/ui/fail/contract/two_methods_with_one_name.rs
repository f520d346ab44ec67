use signalr::hub;

#[hub]
pub trait Chat {
    fn send(&self);
    #[hub(name = "SEND")]
    fn tell(&self);
}

fn main() {}
