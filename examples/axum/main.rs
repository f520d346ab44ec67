//! A hub inside an axum application, and an ordinary HTTP handler that pushes to its clients.
//!
//! Run it with `cargo run --release --example axum` (an address may follow), open the printed URL and then
//!
//! ```sh
//! curl --data 'the build is green' http://127.0.0.1:5000/notify
//! ```

use axum::extract::connect_info::{ConnectInfo, Connected};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn};
use axum::response::{Html, Response};
use axum::routing::{get, post};
use axum::serve::IncomingStream;
use axum::{Router, serve};
use signalr::{Context, HubContext, HubServer, LocalAddr, PeerAddr, hub, receiver};
use tokio::net::TcpListener;

/// What the server calls on the page.
#[receiver]
trait NewsClient {
    async fn news(&self, text: &str);
}

/// Here clients mostly listen.
struct NewsHub;

#[hub(client = NewsClient)]
impl NewsHub {
    /// Both ends of the caller's socket.
    pub fn ends(&self, cx: &Context<Self>) -> [Option<String>; 2] {
        [cx.peer_addr(), cx.local_addr()].map(|end| Some(end?.to_string()))
    }
}

/// Both ends of a socket, which axum's listener knows and the hub does not.
#[derive(Clone)]
struct Ends(PeerAddr, Option<LocalAddr>);

impl Connected<IncomingStream<'_, TcpListener>> for Ends {
    fn connect_info(stream: IncomingStream<'_, TcpListener>) -> Self {
        let local = stream.io().local_addr().ok().map(LocalAddr);
        Self(PeerAddr(*stream.remote_addr()), local)
    }
}

/// Puts them where the hub finds them: it sees `cx.peer_addr()` and `cx.local_addr()` then.
async fn tell_ends(
    ConnectInfo(Ends(peer, local)): ConnectInfo<Ends>,
    mut request: Request,
    next: Next,
) -> Response {
    request.extensions_mut().insert(peer);
    if let Some(local) = local {
        request.extensions_mut().insert(local);
    }
    next.run(request).await
}

/// The context is all that a handler needs to reach clients: it is cheap to clone, and no hub call is under way.
async fn notify(
    State(news): State<HubContext<NewsHub>>,
    text: String,
) -> Result<StatusCode, StatusCode> {
    if text.trim().is_empty() {
        return Err(StatusCode::BAD_REQUEST);
    }
    news.clients()
        .all()
        .news(text.trim())
        .await
        .map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    Ok(StatusCode::ACCEPTED)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let hub = HubServer::new(NewsHub);
    let app = Router::new()
        .route("/", get(Html(include_str!("index.html"))))
        .route("/notify", post(notify))
        .with_state(hub.context())
        .nest_service("/hub", hub.clone())
        .layer(from_fn(tell_ends))
        .into_make_service_with_connect_info::<Ends>();

    let address = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "127.0.0.1:5000".into());
    let listener = TcpListener::bind(address).await?;
    println!("Open http://{}", listener.local_addr()?);
    serve(listener, app)
        .with_graceful_shutdown(async move {
            tokio::signal::ctrl_c().await.ok();
            // axum waits for its connections, and hub connections do not end by themselves.
            hub.shutdown(std::time::Duration::from_secs(5)).await;
        })
        .await?;
    Ok(())
}
