use signalr::hub;

pub struct Chat;

#[hub]
impl Chat {
    pub fn count(&self) -> impl Future<Output = u32> + Send {
        async { 1 }
    }
}

fn main() {}
