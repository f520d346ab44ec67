use signalr::receiver;

#[receiver]
pub struct Ui;

fn main() {}
