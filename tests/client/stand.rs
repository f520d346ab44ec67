//! An HTTP server that a test plays by hand, over real sockets.

use std::{
    convert::Infallible,
    future::Future,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::{
    body::{Frame, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use signalr::{HubConnection, HubConnectionBuilder};
use tokio::{net::TcpListener, sync::mpsc};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{handshake::derive_accept_key, protocol::Role},
};

const PATIENCE: Duration = Duration::from_secs(30);

pub type Body = UnsyncBoxBody<Bytes, io::Error>;
pub type Socket = WebSocketStream<TokioIo<hyper::upgrade::Upgraded>>;
type Later<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Fails the test instead of waiting for ever.
pub async fn in_time<T>(what: impl Future<Output = T>) -> T {
    let done = tokio::time::timeout(PATIENCE, what).await;
    done.expect("it happens in time")
}

/// Waits until something that other tasks do has happened.
pub async fn until(happened: impl Fn() -> bool) {
    in_time(async {
        while !happened() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    })
    .await;
}

/// An error with all that caused it.
pub fn chain(error: &signalr::Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Seen {
    pub method: String,
    pub target: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Seen {
    pub fn header(&self, name: &str) -> Option<&str> {
        let value = self.headers.get(name)?;
        Some(value.to_str().expect("a text"))
    }

    pub fn line(&self) -> String {
        format!("{} {}", self.method, self.target)
    }

    pub fn is_negotiation(&self) -> bool {
        self.target.contains("/negotiate")
    }

    pub fn is_socket(&self) -> bool {
        self.headers.contains_key(header::UPGRADE)
    }

    pub fn is_stream(&self) -> bool {
        self.header("accept") == Some("text/event-stream")
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.body.to_vec()).expect("a text")
    }
}

/// What the server does about a request.
pub enum Act {
    Answer(Response<Body>),
    Socket(Box<dyn FnOnce(Socket) -> Later<()> + Send>),
    /// Nothing, for ever.
    Silence,
}

pub struct Stand {
    pub addr: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Stand {
    pub async fn new<F, T>(act: F) -> Self
    where
        F: Fn(Seen) -> T + Clone + Send + Sync + 'static,
        T: Future<Output = Act> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let addr = listener.local_addr().expect("bound");
        let seen = Arc::<Mutex<Vec<Seen>>>::default();
        let log = Arc::clone(&seen);
        tokio::spawn(async move {
            loop {
                let (io, _) = listener.accept().await.expect("it listens");
                let (log, act) = (Arc::clone(&log), act.clone());
                let service =
                    service_fn(move |request| serve(request, Arc::clone(&log), act.clone()));
                let serving = http1::Builder::new()
                    .timer(TokioTimer::new())
                    .serve_connection(TokioIo::new(io), service)
                    .with_upgrades();
                tokio::spawn(serving);
            }
        });
        Self { addr, seen }
    }

    pub fn url(&self) -> String {
        format!("http://{}/chat", self.addr)
    }

    pub fn client(&self) -> HubConnectionBuilder {
        HubConnection::builder(self.url())
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().expect("not poisoned").clone()
    }

    /// The requests' lines so far, the token left out.
    pub fn lines(&self) -> Vec<String> {
        self.seen().iter().map(Seen::line).collect()
    }
}

async fn serve<F, T>(
    mut request: Request<Incoming>,
    log: Arc<Mutex<Vec<Seen>>>,
    act: F,
) -> Result<Response<Body>, Infallible>
where
    F: Fn(Seen) -> T,
    T: Future<Output = Act>,
{
    let upgrade = hyper::upgrade::on(&mut request);
    let (parts, body) = request.into_parts();
    let target = parts.uri.path_and_query().map_or("", |it| it.as_str());
    let seen = Seen {
        method: parts.method.to_string(),
        target: target.to_owned(),
        headers: parts.headers,
        body: body.collect().await.expect("a whole body").to_bytes(),
    };
    log.lock().expect("not poisoned").push(seen.clone());
    let key = seen.headers.get(header::SEC_WEBSOCKET_KEY).cloned();
    Ok(match act(seen).await {
        Act::Answer(response) => response,
        Act::Silence => std::future::pending().await,
        Act::Socket(play) => {
            tokio::spawn(async move {
                let io = upgrade.await.expect("upgraded");
                let io = TokioIo::new(io);
                play(WebSocketStream::from_raw_socket(io, Role::Server, None).await).await;
            });
            let accept = derive_accept_key(key.expect("a key").as_bytes());
            let response = Response::builder()
                .status(StatusCode::SWITCHING_PROTOCOLS)
                .header(header::CONNECTION, "Upgrade")
                .header(header::UPGRADE, "websocket")
                .header(header::SEC_WEBSOCKET_ACCEPT, accept);
            response.body(whole("")).expect("valid")
        }
    })
}

pub fn whole(text: impl Into<Bytes>) -> Body {
    Full::new(text.into())
        .map_err(|never| match never {})
        .boxed_unsync()
}

pub fn status(status: u16) -> Act {
    answer(status, "text/plain", "")
}

pub fn answer(status: u16, content_type: &str, text: impl Into<Bytes>) -> Act {
    let response = Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, content_type);
    Act::Answer(response.body(whole(text)).expect("valid"))
}

pub fn json(text: impl Into<Bytes>) -> Act {
    answer(200, "application/json", text)
}

/// The end of a body that is sent piece by piece; an error cuts it off.
pub type Pieces = mpsc::UnboundedSender<io::Result<Bytes>>;

pub fn streamed(content_type: &str) -> (Pieces, Act) {
    let (pieces, mut received) = mpsc::unbounded_channel::<io::Result<Bytes>>();
    let frames = futures_util::stream::poll_fn(move |cx| {
        received
            .poll_recv(cx)
            .map(|piece| piece.map(|piece| piece.map(Frame::data)))
    });
    let response = Response::builder().header(header::CONTENT_TYPE, content_type);
    let body = StreamBody::new(frames).boxed_unsync();
    (pieces, Act::Answer(response.body(body).expect("valid")))
}

pub fn socket<F, T>(play: F) -> Act
where
    F: FnOnce(Socket) -> T + Send + 'static,
    T: Future<Output = ()> + Send + 'static,
{
    Act::Socket(Box::new(move |socket| Box::pin(play(socket))))
}

pub const SOCKETS: &str = r#"{"transport":"WebSockets","transferFormats":["Text","Binary"]}"#;
pub const EVENTS: &str = r#"{"transport":"ServerSentEvents","transferFormats":["Text"]}"#;
pub const POLLS: &str = r#"{"transport":"LongPolling","transferFormats":["Text","Binary"]}"#;

/// An answer to negotiation that offers these.
pub fn offering(offers: &[&str]) -> Act {
    json(format!(
        r#"{{"negotiateVersion":1,"connectionId":"ID","connectionToken":"TOKEN","availableTransports":[{}]}}"#,
        offers.join(",")
    ))
}
