//! A hub in an actix-web application, with every transport.
//!
//! Run it with `cargo run --release --manifest-path examples/actix/Cargo.toml` (an address may follow), then connect with any SignalR
//! client to the printed URL.

mod bridge;

use std::time::Duration;

use actix_web::{App, HttpServer, Responder, web};
use signalr::{Context, HubError, HubServer, hub, receiver};

/// What the server calls on its clients.
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

    pub fn transport(&self, cx: &Context<Self>) -> Option<&'static str> {
        cx.transport().map(|transport| transport.name())
    }

    pub fn peer(&self, cx: &Context<Self>) -> Option<String> {
        cx.peer_addr().map(|peer| peer.to_string())
    }

    pub fn local(&self, cx: &Context<Self>) -> Option<String> {
        cx.local_addr().map(|local| local.to_string())
    }
}

async fn page() -> impl Responder {
    "An ordinary page of actix-web. The hub is at /chat."
}

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    let chat = HubServer::new(ChatHub);
    let mount = chat.at("/chat");
    let address = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "127.0.0.1:5000".into());
    let server = HttpServer::new(move || {
        App::new()
            .app_data(web::Data::new(mount.clone()))
            .route("/", web::get().to(page))
            .route("/chat{rest:.*}", web::to(bridge::hub))
    })
    .disable_signals()
    // A client that closes its end has gone: a poll must not be answered into a dead socket, where its messages would be lost.
    .h1_allow_half_closed(false)
    .bind(address)?;
    println!("Hub at http://{}/chat", server.addrs()[0]);
    let running = server.run();
    let handle = running.handle();
    actix_web::rt::spawn(async move {
        tokio::signal::ctrl_c().await.ok();
        // The clients first: hub connections do not end by themselves.
        chat.shutdown(Duration::from_secs(5)).await;
        handle.stop(true).await;
    });
    running.await
}
