use futures_util::{Stream, stream};

use signalr::hub;

pub struct Chat;

#[hub]
impl Chat {
    pub fn count(&self) -> impl Stream {
        stream::empty::<u32>()
    }
}

fn main() {}
