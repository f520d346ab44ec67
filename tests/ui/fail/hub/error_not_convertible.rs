use futures_util::{Stream, stream};

use signalr::hub;

pub struct Failure;

pub struct Chat;

#[hub]
impl Chat {
    pub async fn count(&self) -> Result<u8, Failure> {
        Err(Failure)
    }
    pub fn counts(&self) -> impl Stream<Item = Result<u8, Failure>> {
        stream::empty()
    }
}

fn main() {}
