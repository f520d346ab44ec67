use signalr::hub;

#[hub]
pub struct Chat;

fn main() {}
