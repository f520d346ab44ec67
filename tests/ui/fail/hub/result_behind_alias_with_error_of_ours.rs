use signalr::{HubError, hub};

type CountResult = Result<u32, HubError>;

pub struct Chat;

#[hub]
impl Chat {
    pub async fn count(&self) -> CountResult {
        Ok(1)
    }
}

fn main() {}
