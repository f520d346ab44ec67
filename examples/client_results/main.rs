//! A server that asks back: before it moves money, the user at the browser has to say yes.
//!
//! Run it with `cargo run --release --example client_results` and open the printed URL. An address may follow, and how many
//! seconds the server waits for an answer, as in `-- 0.0.0.0:8080 30`.
//!
//! Where to look: `hub.rs` asks, `page/app.js` answers.

mod hub;

use std::{env, time::Duration};

use signalr::{HubServer, Server};
use signalr_examples::Pages;

use crate::hub::Bank;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = env::args().skip(1);
    let address = arguments
        .next()
        .unwrap_or_else(|| "127.0.0.1:5000".to_owned());
    let seconds = arguments.next().map_or(Ok(15), |text| text.parse())?;

    let hub = HubServer::new(Bank::new(Duration::from_secs(seconds)));
    let pages = Pages::new(
        include_str!("page/index.html"),
        &[
            ("app.js", include_str!("page/app.js")),
            ("style.css", include_str!("page/style.css")),
        ],
    );
    let server = Server::new()
        .mount(hub.at("/bank"))
        .fallback(move |request| pages.answer(&request))
        .bind(address)
        .await?;
    println!("Open http://{}", server.local_addr()?);
    server.run().await;
    Ok(())
}
