use futures_util::stream::{self, BoxStream};

use signalr::hub;

type Numbers = BoxStream<'static, u32>;

pub struct Chat;

#[hub]
impl Chat {
    pub fn count(&self) -> Numbers {
        Box::pin(stream::empty())
    }
}

fn main() {}
