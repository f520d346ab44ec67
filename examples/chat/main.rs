//! A chat for the browser: rooms, presence, typing indicators, history, and a page that survives a restart.
//!
//! Run it with `cargo run --release --example chat`, open the printed URL in two windows and talk. Another address may
//! follow, as in `-- 0.0.0.0:8080`; port 0 takes a free one. Ctrl-C says goodbye to every page and stops.
//!
//! Where to look: `hub.rs` has all that pages can call and all that they hear; `rooms.rs` is the state behind it;
//! `limits.rs` is what strangers may send; `lobby.rs` pushes from outside the hub; `page/` is the page.

mod hub;
mod limits;
mod lobby;
mod room;
mod rooms;
mod session;
mod wire;

use std::{env, sync::Arc, time::Duration};

use signalr::{HubServer, Server};
use signalr_examples::Pages;

use crate::{hub::ChatHub, rooms::Rooms};

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let address = env::args()
        .nth(1)
        .unwrap_or_else(|| "127.0.0.1:5000".into());

    let rooms = Arc::new(Rooms::default());
    let hub = HubServer::new(ChatHub::new(Arc::clone(&rooms)));
    tokio::spawn(lobby::announce(rooms, hub.context()));

    let pages = Pages::new(
        include_str!("page/index.html"),
        &[
            ("app.js", include_str!("page/app.js")),
            ("log.js", include_str!("page/log.js")),
            ("side.js", include_str!("page/side.js")),
            ("style.css", include_str!("page/style.css")),
        ],
    );
    let server = Server::new()
        .mount(hub.at("/chat"))
        .fallback(move |request| pages.answer(&request))
        .bind(address)
        .await?;
    println!(
        "Open http://{} in two browser windows",
        server.local_addr()?
    );

    // Pages are told to come back, and get five seconds to hear it.
    let ctrl_c = async {
        tokio::signal::ctrl_c().await.ok();
    };
    server.run_until(ctrl_c, Duration::from_secs(5)).await;
    Ok(())
}
