//! Streams in both directions: prices from the server that tick until they are cancelled, and a file from the browser
//! with a progress bar that shows what has arrived.
//!
//! Run it with `cargo run --release --example streaming` (an address may follow, as in `-- 0.0.0.0:8080`), open the printed
//! URL and switch between JSON and MessagePack on the page.
//!
//! Where to look: `hub.rs` has the two streams; `market.rs` moves the prices; `page/ticker.js` and `page/upload.js` are the
//! other ends.

mod hub;
mod market;

use std::{env, sync::Arc};

use signalr::{HubServer, Server};
use signalr_examples::Pages;

use crate::{hub::Streams, market::Market};

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let address = env::args()
        .nth(1)
        .unwrap_or_else(|| "127.0.0.1:5000".into());

    let market = Arc::new(Market::default());
    let hub = HubServer::new(Streams::new(Arc::clone(&market)));
    tokio::spawn(async move { market.run().await });

    let pages = Pages::new(
        include_str!("page/index.html"),
        &[
            ("app.js", include_str!("page/app.js")),
            ("style.css", include_str!("page/style.css")),
            ("ticker.js", include_str!("page/ticker.js")),
            ("upload.js", include_str!("page/upload.js")),
        ],
    );
    let server = Server::new()
        .mount(hub.at("/hub"))
        .fallback(move |request| pages.answer(&request))
        .bind(address)
        .await?;
    println!("Open http://{}", server.local_addr()?);
    server.run().await;
    Ok(())
}
