//! A listener of our own: hubs, and whatever else an application answers beside them.

use std::{
    fmt,
    future::Future,
    io,
    net::SocketAddr,
    pin::{Pin, pin},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt, combinators::UnsyncBoxBody};
use hyper::body::Incoming;
use tokio::{
    net::{TcpListener, ToSocketAddrs},
    sync::watch,
    task::JoinSet,
};

use super::{
    Mount, accept,
    accepted::{self, Ends},
};
use crate::endpoint::text;

type BoxError = Box<dyn std::error::Error + Send + Sync>;
type BoxBody = UnsyncBoxBody<Bytes, BoxError>;
type Fallback = dyn Fn(Request<Incoming>) -> Pin<Box<dyn Future<Output = Response<BoxBody>> + Send>>
    + Send
    + Sync;

/// A client must send the head of a request within this time. It also limits the rest between two requests, and must be longer than
/// the 15 s after which clients ping by POST: a socket that is closed just then would cost them the connection.
pub(super) const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes that one socket may make the HTTP server buffer, in each direction.
pub(super) const BUFFER: usize = 64 * 1024;

/// Serves hubs at an address, until the process ends.
///
/// For graceful shutdown, a port of the system's choice, or pages beside the hubs, see [`Server`].
///
/// # Errors
/// The address cannot be listened at.
///
/// # Cancel safety
/// As that of [`Bound::run`].
///
/// # Example
///
/// ```no_run
/// # use signalr::{HubServer, hub};
/// # struct Chat;
/// # #[hub]
/// # impl Chat {}
/// # struct Feed;
/// # #[hub]
/// # impl Feed {}
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// let chat = HubServer::new(Chat);
/// let feed = HubServer::new(Feed);
/// signalr::serve("127.0.0.1:5000", [chat.at("/chat"), feed.at("/feed")]).await
/// # }
/// ```
pub async fn serve(
    addr: impl ToSocketAddrs,
    mounts: impl IntoIterator<Item = Mount>,
) -> io::Result<()> {
    let server = mounts.into_iter().fold(Server::new(), Server::mount);
    server.bind(addr).await?.run().await;
    Ok(())
}

/// One hub is a list of one, for [`serve`].
impl IntoIterator for Mount {
    type Item = Self;
    type IntoIter = std::iter::Once<Self>;

    fn into_iter(self) -> Self::IntoIter {
        std::iter::once(self)
    }
}

/// An HTTP server for hubs, and for pages beside them.
///
/// It speaks HTTP/1.1; with the feature `http2` also HTTP/2, WebSockets included; with the feature `rustls` both over TLS.
///
/// # Example
///
/// ```
/// use std::time::Duration;
/// use http::{Request, Response};
/// use hyper::body::Incoming;
/// use signalr::{HubServer, Server, hub};
///
/// struct Chat;
///
/// #[hub]
/// impl Chat {}
///
/// async fn page(_: Request<Incoming>) -> Response<String> {
///     Response::new("<h1>chat</h1>".to_owned())
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// let server = Server::new().mount(HubServer::new(Chat).at("/chat")).fallback(page);
/// let bound = server.bind("127.0.0.1:0").await?;
/// println!("http://{}", bound.local_addr()?);
/// let stop = async { /* tokio::signal::ctrl_c().await */ };
/// bound.run_until(stop, Duration::from_secs(5)).await;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use = "nothing is served until it is bound and run"]
pub struct Server {
    mounts: Vec<Mount>,
    fallback: Arc<Fallback>,
    #[cfg(feature = "rustls")]
    pub(super) tls: Option<super::Tls>,
}

impl Server {
    /// A server without hubs; it answers 404.
    pub fn new() -> Self {
        Self {
            mounts: Vec::new(),
            fallback: Arc::new(|_| Box::pin(async { not_found() })),
            #[cfg(feature = "rustls")]
            tls: None,
        }
    }

    /// Adds a hub at its path. Of two at one path the first answers.
    pub fn mount(mut self, mount: Mount) -> Self {
        self.mounts.push(mount);
        self
    }

    /// Answers all requests that are for no hub. Default: 404.
    ///
    /// `CONNECT` does not come here: the server is no proxy, and there is nobody to take a WebSocket over. The answer is 404.
    pub fn fallback<F, R, B>(mut self, answer: F) -> Self
    where
        F: Fn(Request<Incoming>) -> R + Send + Sync + 'static,
        R: Future<Output = Response<B>> + Send + 'static,
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        self.fallback = Arc::new(move |request| {
            let response = answer(request);
            Box::pin(async move { response.await.map(boxed) })
        });
        self
    }

    /// Serves `https` and `wss`, and nothing in clear text. Default: only clear text.
    ///
    /// A client must have agreed on TLS within 10 s.
    #[cfg(feature = "rustls")]
    pub fn tls(mut self, tls: impl Into<super::Tls>) -> Self {
        self.tls = Some(tls.into());
        self
    }

    /// Listens at an address; port 0 lets the system choose one. 4,096 clients may wait to be accepted, where the system lets so many.
    ///
    /// # Errors
    /// The address cannot be listened at.
    ///
    /// # Cancel safety
    /// Dropped early, nothing is listened at.
    pub async fn bind(self, addr: impl ToSocketAddrs) -> io::Result<Bound> {
        let listener = accept::listen(addr).await?;
        Ok(Bound {
            listener,
            server: Arc::new(self),
        })
    }

    pub(super) async fn respond(
        &self,
        mut request: Request<Incoming>,
        ends: &Ends,
    ) -> Response<BoxBody> {
        let path = request.uri().path();
        let mut mounts = self.mounts.iter();
        let found = mounts.find_map(|mount| Some((mount, mount.find(path)?)));
        let Some((mount, route)) = found else {
            // A page that is answered with 200 would be a tunnel, or a WebSocket, that was accepted.
            if request.method() == Method::CONNECT {
                return not_found();
            }
            return (self.fallback)(request).await;
        };
        ends.tell(request.extensions_mut());
        let answered = mount.respond(route, request).await;
        answered.unwrap_or_else(|never| match never {}).map(boxed)
    }
}

impl Default for Server {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("mounts", &self.mounts)
            .finish_non_exhaustive()
    }
}

/// A [`Server`] that listens; made by [`Server::bind`].
#[derive(Debug)]
#[must_use = "clients wait until it is run"]
pub struct Bound {
    listener: TcpListener,
    server: Arc<Server>,
}

impl Bound {
    /// Where it listens.
    ///
    /// # Errors
    /// The system does not say.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves for ever.
    ///
    /// # Cancel safety
    /// Dropping the future stops listening and cuts off what shares a socket with HTTP: plain requests, and all that is on HTTP/2.
    /// WebSockets of HTTP/1.1 go on.
    pub async fn run(self) {
        self.accept(&mut JoinSet::new(), &watch::Sender::default())
            .await;
    }

    /// Serves until `stop` completes; then sends every client a Close message that lets it reconnect, and waits up to `drain` for
    /// connections and requests to end before it cuts them off.
    ///
    /// # Cancel safety
    /// Before `stop` completes as that of [`run`](Self::run). Afterwards clients have been told to go and nobody new is let in, but what
    /// then is still open is not cut off.
    ///
    /// # Example
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use signalr::{HubServer, Server, hub};
    /// # struct Chat;
    /// # #[hub]
    /// # impl Chat {}
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let bound = Server::new().mount(HubServer::new(Chat).at("/chat")).bind("127.0.0.1:0").await?;
    /// let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    /// let running = tokio::spawn(bound.run_until(async { drop(stopped.await) }, Duration::from_secs(5)));
    /// stop.send(()).ok();
    /// running.await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn run_until(self, stop: impl Future<Output = ()>, drain: Duration) {
        let (mut requests, stopping) = (JoinSet::new(), watch::Sender::default());
        {
            let accept = pin!(self.accept(&mut requests, &stopping));
            futures_util::future::select(pin!(stop), accept).await;
        }
        let Self { listener, server } = self;
        drop(listener);
        stopping.send_replace(true);
        let hubs = server.mounts.iter().map(|mount| mount.shutdown(drain));
        let requests = async {
            let ended = async { while requests.join_next().await.is_some() {} };
            // What is left is aborted with the set.
            tokio::time::timeout(drain, ended).await.ok();
        };
        futures_util::future::join(futures_util::future::join_all(hubs), requests).await;
    }

    async fn accept(&self, requests: &mut JoinSet<()>, stopping: &watch::Sender<bool>) {
        // A listener at one address accepts at no other.
        let local = self.listener.local_addr().ok();
        let local = local.filter(|local| local.is_ipv4() && !local.ip().is_unspecified());
        loop {
            match self.listener.accept().await {
                Ok((socket, peer)) => {
                    let server = Arc::clone(&self.server);
                    requests.spawn(accepted::serve(
                        server,
                        socket,
                        (peer, local),
                        stopping.subscribe(),
                    ));
                }
                Err(error) => accept::endure(&error).await,
            }
            while requests.try_join_next().is_some() {}
        }
    }
}

fn boxed<B>(body: B) -> BoxBody
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    body.map_err(Into::into).boxed_unsync()
}

fn not_found() -> Response<BoxBody> {
    text(StatusCode::NOT_FOUND, "Nothing is here.").map(boxed)
}
