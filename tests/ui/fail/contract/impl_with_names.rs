use signalr::hub;

#[hub]
pub trait Chat {
    async fn send(&self);
}

pub struct App;

#[hub(rename_all = "PascalCase", proxy = AppProxy)]
impl Chat for App {
    #[hub(name = "Send")]
    async fn send(&self) {}
}

fn main() {}
