use std::rc::Rc;

use signalr::hub;

pub struct Chat;

#[hub]
impl Chat {
    pub async fn count(&self) -> usize {
        let shared = Rc::new(1);
        tokio::task::yield_now().await;
        Rc::strong_count(&shared)
    }
}

fn main() {}
