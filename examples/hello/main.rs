//! The smallest hub: whatever one client sends, every client hears.
//!
//! Run it with `cargo run --release --example hello` (an address may follow, as in `-- 0.0.0.0:8080`),
//! then connect with any SignalR client:
//!
//! ```js
//! const connection = new signalR.HubConnectionBuilder().withUrl("http://127.0.0.1:5000/chat").build();
//! connection.on("messageReceived", (user, text) => console.log(`${user}: ${text}`));
//! await connection.start();
//! await connection.invoke("send", "ann", "hello");
//! ```

use signalr::{Context, HubError, HubServer, Server, hub, receiver};

/// What the server calls on its clients.
#[receiver]
trait ChatClient {
    async fn message_received(&self, user: &str, text: &str);
}

struct ChatHub;

/// What clients call on the server: every `pub` method.
#[hub(client = ChatClient)]
impl ChatHub {
    pub async fn send(&self, cx: &Context<Self>, user: &str, text: &str) -> Result<(), HubError> {
        Ok(cx.clients().all().message_received(user, text).await?)
    }
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let address = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "127.0.0.1:5000".into());
    // `signalr::serve(address, hub)` does the same in one call; bound first, it can tell its real port.
    let server = Server::new()
        .mount(HubServer::new(ChatHub).at("/chat"))
        .bind(address)
        .await?;
    println!("Hub at http://{}/chat", server.local_addr()?);
    server.run().await;
    Ok(())
}
