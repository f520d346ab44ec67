use signalr::hub;

pub struct Chat;

#[hub]
impl Chat {
    pub async fn fill(&self, text: &mut String) {
        text.clear();
    }
}

fn main() {}
