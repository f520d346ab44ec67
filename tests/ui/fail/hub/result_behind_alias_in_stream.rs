use futures_util::{Stream, stream};

use signalr::hub;

type Outcome = Result<u32, String>;

pub struct Chat;

#[hub]
impl Chat {
    pub fn counts(&self) -> impl Stream<Item = Outcome> {
        stream::empty()
    }
}

fn main() {}
