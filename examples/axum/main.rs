//! A hub inside an axum application, and an ordinary HTTP handler that pushes to its clients.
//!
//! Run it with `cargo run --release --example axum` (an address may follow), open the printed URL and then
//!
//! ```sh
//! curl --data 'the build is green' http://127.0.0.1:5000/notify
//! ```

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Html;
use axum::routing::{get, post};
use signalr::{HubContext, HubServer, hub, receiver};

/// What the server calls on the page.
#[receiver]
trait NewsClient {
    async fn news(&self, text: &str);
}

/// A hub without methods: here clients only listen.
struct NewsHub;

#[hub(client = NewsClient)]
impl NewsHub {}

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
        .nest_service("/hub", hub.clone());

    let address = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "127.0.0.1:5000".into());
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("Open http://{}", listener.local_addr()?);
    axum::serve(listener, app)
        .with_graceful_shutdown(async move {
            tokio::signal::ctrl_c().await.ok();
            // axum waits for its connections, and hub connections do not end by themselves.
            hub.shutdown(std::time::Duration::from_secs(5)).await;
        })
        .await?;
    Ok(())
}
