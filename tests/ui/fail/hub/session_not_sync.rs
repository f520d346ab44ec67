use std::cell::Cell;

use signalr::{HubError, hub};

pub struct Chat;

#[hub]
impl Chat {
    async fn on_connected(&self) -> Result<Cell<u8>, HubError> {
        Ok(Cell::new(0))
    }
}

fn main() {}
