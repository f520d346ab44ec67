use std::cell::Cell;

use signalr::{Hub, hub};

pub struct Chat<R> {
    repo: R,
}

#[hub]
impl<R: Clone> Chat<R> {
    pub async fn count(&self) {
        drop(self.repo.clone());
    }
}

fn serve<H: Hub>() {}

fn main() {
    serve::<Chat<Cell<u8>>>();
}
