use signalr::hub;

type Outcome = Result<u32, String>;

pub struct Chat;

#[hub]
impl Chat {
    pub async fn count(&self) -> Outcome {
        Ok(1)
    }
}

fn main() {}
