//! A hub over `https` and `wss`, in HTTP/2 and HTTP/1.1.
//!
//! ```sh
//! cargo run --release --example tls                                              # with a certificate signed by itself
//! cargo run --release --example tls -- 0.0.0.0:443 fullchain.pem privkey.pem     # with one of an authority
//! ```
//!
//! Open the printed URL. A browser warns of the certificate that signs itself, as nobody it knows vouches for it.

use std::io;

use http::{Request, Response, header};
use hyper::body::Incoming;
use signalr::{Context, HubServer, Server, Tls, hub};

struct Shown;

#[hub]
impl Shown {
    /// The version of HTTP that carries the connection.
    pub fn version(&self, cx: &Context<Self>) -> String {
        format!("{:?}", cx.request().version)
    }
}

/// The page shows how it came; the hub may be reached in another way.
async fn page(request: Request<Incoming>) -> Response<String> {
    let page = format!(
        "<!doctype html><title>TLS</title><p>This page came over {:?}.",
        request.version()
    );
    let mut response = Response::new(page);
    let html = header::HeaderValue::from_static("text/html; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, html);
    response
}

/// A certificate for this machine alone, signed by itself.
fn self_signed() -> io::Result<Tls> {
    let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
    let made = rcgen::generate_simple_self_signed(names).map_err(io::Error::other)?;
    Tls::from_pem(made.cert.pem(), made.signing_key.serialize_pem())
}

#[tokio::main]
async fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:5001".into());
    let tls = match (arguments.next(), arguments.next()) {
        (Some(chain), Some(key)) => Tls::from_pem_files(chain, key)?,
        _ => self_signed()?,
    };
    let server = Server::new()
        .tls(tls)
        .mount(HubServer::new(Shown).at("/shown"))
        .fallback(page)
        .bind(address)
        .await?;
    println!("Open https://{}", server.local_addr()?);
    server.run().await;
    Ok(())
}
