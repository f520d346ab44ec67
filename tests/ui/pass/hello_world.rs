//! The smallest hub with a typed client.

use signalr::{Context, Hub, HubError, hub, receiver};

#[receiver]
trait ChatClient {
    async fn message_received(&self, user: &str, text: &str);
}

struct ChatHub;

#[hub(client = ChatClient)]
impl ChatHub {
    pub async fn send(&self, cx: &Context<Self>, user: &str, text: &str) -> Result<(), HubError> {
        Ok(cx.clients().all().message_received(user, text).await?)
    }
}

fn main() {
    let [send] = ChatHub::METHODS else {
        panic!("one method");
    };
    assert_eq!((send.name, send.params), ("send", &["user", "text"][..]));
}
