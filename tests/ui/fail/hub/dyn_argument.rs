use std::fmt::Display;

use signalr::hub;

pub struct Chat;

#[hub]
impl Chat {
    pub async fn show(&self, value: &dyn Display) {
        println!("{value}");
    }
}

fn main() {}
