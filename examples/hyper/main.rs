//! A hub and a page on plain hyper, without a framework and without our own server.
//!
//! Run it with `cargo run --release --example hyper` (an address may follow) and open the printed URL in two windows.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, header};
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use signalr::{
    Context, HubError, HubServer, LocalAddr, Mount, PeerAddr, ResponseBody, hub, receiver,
};
use tokio::net::{TcpListener, TcpStream};
use tower_service::Service;

/// What the server calls on the page.
#[receiver]
trait Page {
    async fn applause(&self, claps: u64);
}

#[derive(Default)]
struct Applause(AtomicU64);

#[hub(client = Page)]
impl Applause {
    pub async fn clap(&self, cx: &Context<Self>) -> Result<(), HubError> {
        let claps = self.0.fetch_add(1, Relaxed) + 1;
        Ok(cx.clients().all().applause(claps).await?)
    }

    /// Both ends of the caller's socket.
    pub fn ends(&self, cx: &Context<Self>) -> [Option<String>; 2] {
        [cx.peer_addr(), cx.local_addr()].map(|end| Some(end?.to_string()))
    }
}

/// One page, and the hub at its path for everything else.
async fn answer(
    mut hub: Mount,
    request: Request<Incoming>,
) -> Result<Response<Either<ResponseBody, Full<Bytes>>>, Infallible> {
    if request.uri().path() != "/" {
        return Ok(hub.call(request).await?.map(Either::Left));
    }
    let page = Full::from(include_str!("index.html"));
    let mut response = Response::new(Either::Right(page));
    let html = HeaderValue::from_static("text/html; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, html);
    Ok(response)
}

async fn connection(hub: Mount, socket: TcpStream, peer: SocketAddr) -> hyper::Result<()> {
    let local = socket.local_addr().ok().map(LocalAddr);
    let service = service_fn(|mut request: Request<Incoming>| {
        // The hub sees them as `cx.peer_addr()` and `cx.local_addr()`.
        request.extensions_mut().insert(PeerAddr(peer));
        if let Some(local) = local {
            request.extensions_mut().insert(local);
        }
        answer(hub.clone(), request)
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(socket), service)
        // Without these there are no WebSockets.
        .with_upgrades()
        .await
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let hub = HubServer::new(Applause::default());
    let address = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "127.0.0.1:5000".into());
    let listener = TcpListener::bind(address).await?;
    println!("Open http://{}", listener.local_addr()?);
    let serve = async {
        loop {
            let (socket, peer) = listener.accept().await?;
            socket.set_nodelay(true)?;
            tokio::spawn(connection(hub.at("/hub"), socket, peer));
        }
    };
    tokio::select! {
        failed = serve => return failed,
        _ = tokio::signal::ctrl_c() => hub.shutdown(Duration::from_secs(5)).await,
    }
    Ok(())
}
