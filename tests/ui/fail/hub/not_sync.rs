use std::cell::Cell;

use signalr::hub;

pub struct Chat {
    count: Cell<u32>,
}

#[hub]
impl Chat {
    pub async fn count(&self) -> u32 {
        self.count.get()
    }
}

fn main() {}
