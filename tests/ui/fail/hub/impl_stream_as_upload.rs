use futures_util::Stream;

use signalr::hub;

pub struct Chat;

#[hub]
impl Chat {
    pub async fn take(&self, lines: impl Stream<Item = String>) {
        drop(lines);
    }
}

fn main() {}
