//! The server of one hub.

use std::{fmt, sync::Arc, time::Duration};

use tokio::io::{AsyncRead, AsyncWrite};

use super::{
    builder::HubServerBuilder, connection::Connection, core::Core, methods::Methods, session,
};
use crate::{
    endpoint::{self, Endpoint, Front, Opened, Opening, ResponseBody, ResponseFuture, Via},
    hub::{Connecting, ConnectionId, Hub, HubContext, HubSource, Lifetime},
    hub_error::HubError,
    transport::Transport,
};

/// Serves a hub to any number of clients.
///
/// A `HubServer` is a `tower::Service` over HTTP requests with any body, whose path is `/`: nest it in a router that takes the path in
/// front of it away, such as axum's `nest_service`. Where nobody does, as in plain hyper and in axum's `route_service`,
/// [`at`](Self::at) gives it a path; our own `Server` (feature `standalone`) wants it so, too. It answers at its path and at
/// `negotiate` below, and nowhere else. Cheap to clone; all clones are the same server.
///
/// # Example
///
/// ```
/// use signalr::{HubServer, hub};
///
/// struct Calculator;
///
/// #[hub]
/// impl Calculator {
///     pub fn add(&self, a: i32, b: i32) -> i32 {
///         a + b
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let server = HubServer::new(Calculator);
/// # }
/// ```
pub struct HubServer<H: Hub> {
    pub(super) shared: Arc<Shared<H>>,
}

/// What all clones of a server share.
pub(super) struct Shared<H: Hub> {
    pub(super) core: Arc<Core>,
    pub(super) source: Arc<HubSource<H>>,
    pub(super) methods: Arc<Methods<H>>,
}

impl<H: Hub> HubServer<H> {
    /// A server with the default options: one hub value for all connections.
    ///
    /// # Panics
    /// A dispatch table that was written by hand names a method twice; `#[hub]` does not compile then.
    #[must_use]
    pub fn new(hub: H) -> Self {
        let built = Self::builder(hub).build();
        built.expect("default options and a table by `#[hub]` are valid")
    }

    /// Options for a server with one hub value for all connections.
    pub fn builder(hub: H) -> HubServerBuilder<H> {
        HubServerBuilder::new(HubSource::Shared(Arc::new(hub)))
    }

    /// Options for a server with a hub value for each connection, made before `on_connected` and dropped after `on_disconnected`.
    ///
    /// An error refuses the connection.
    pub fn per_connection<F, R>(make: F) -> HubServerBuilder<H>
    where
        F: Fn(Connecting<H>) -> R + Send + Sync + 'static,
        R: Future<Output = Result<H, HubError>> + Send + 'static,
    {
        HubServerBuilder::new(HubSource::PerConnection(Box::new(move |cx| {
            Box::pin(make(cx))
        })))
    }

    /// Options for a server with a hub value for each call and each lifecycle method, as in ASP.NET Core.
    ///
    /// An error costs the call.
    pub fn per_call<F, R>(make: F) -> HubServerBuilder<H>
    where
        F: Fn(Connecting<H>) -> R + Send + Sync + 'static,
        R: Future<Output = Result<H, HubError>> + Send + 'static,
    {
        HubServerBuilder::new(HubSource::PerCall(Box::new(move |cx| Box::pin(make(cx)))))
    }

    /// The hub from outside of its methods: to send to clients and to manage groups from anywhere.
    #[must_use]
    pub fn context(&self) -> HubContext<H> {
        HubContext::new(Arc::clone(&self.shared.core) as Arc<dyn Lifetime>)
    }

    /// Serves a client that may come back, as if that had been negotiated over HTTP.
    #[cfg(all(test, feature = "client", feature = "macros"))]
    pub(crate) fn serve_links(
        &self,
        link: Box<dyn Transport>,
    ) -> (
        Arc<crate::transport::links::Links>,
        impl Future<Output = ()> + Send + use<H>,
    ) {
        let links = Arc::<crate::transport::links::Links>::default();
        let (parts, ()) = http::Request::new(()).into_parts();
        let via = Via::WebSockets {
            links: Some(Arc::clone(&links)),
        };
        // Unknown to anybody else; an `Arc` has an address of its own as long as the connection lives.
        let token = format!("{:p}", Arc::as_ptr(&links));
        let opened = self.shared.open(token, Opening::new(parts), via);
        let opened = opened.expect("the server is not shutting down");
        let relinked = crate::transport::relinked::Relinked::new(link, Arc::clone(&links));
        (links, session::run(opened, relinked))
    }

    /// Serves one client over any duplex stream, without HTTP: a TLS stream, an in-memory pipe, a serial line.
    ///
    /// The client begins with its handshake. Completes when the connection has ended; `on_disconnected` has run then. Any number of
    /// connections can be served at the same time. For sockets there are `serve_tcp` and `serve_unix` (feature `standalone`).
    ///
    /// A client that shuts down its sending side is leaving: calls in front of that which need not wait are answered, those that still
    /// run are dropped, as with any transport, and a Close message comes last.
    ///
    /// # Cancel safety
    /// Dropping the future ends the connection at once, without a Close message and without `on_disconnected`.
    ///
    /// # Example
    ///
    /// ```
    /// use signalr::{HubServer, hub};
    /// use tokio::io::{AsyncReadExt, AsyncWriteExt};
    ///
    /// # struct Meter;
    /// # #[hub]
    /// # impl Meter {}
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let server = HubServer::new(Meter);
    /// let (mut client, io) = tokio::io::duplex(1024);
    /// tokio::spawn(async move { server.serve_connection(io).await });
    /// client.write_all(b"{\"protocol\":\"json\",\"version\":1}\x1e").await?;
    /// let mut answer = [0; 3];
    /// client.read_exact(&mut answer).await?;
    /// assert_eq!(&answer, b"{}\x1e");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn serve_connection<S>(&self, io: S)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        self.serve_connection_with(http::Request::new(()), io).await;
    }

    /// Like [`serve_connection`](Self::serve_connection), with what is known of the client in place of an HTTP request.
    ///
    /// The hub sees it as `cx.request()`, and [`user_id`](HubServerBuilder::user_id) finds the user in it. [`PeerAddr`](crate::PeerAddr)
    /// and [`LocalAddr`](crate::LocalAddr) among its extensions are what `cx.peer_addr()` and `cx.local_addr()` return.
    ///
    /// # Cancel safety
    /// As that of `serve_connection`.
    ///
    /// # Example
    ///
    /// A listener of one's own, with a limit:
    ///
    /// ```
    /// use std::{io, sync::Arc};
    /// use http::Request;
    /// use signalr::{HubServer, PeerAddr, hub};
    /// use tokio::{net::TcpListener, sync::Semaphore};
    ///
    /// # struct Meter;
    /// # #[hub]
    /// # impl Meter {}
    /// async fn serve(server: HubServer<Meter>, listener: TcpListener) -> io::Result<()> {
    ///     let places = Arc::new(Semaphore::new(1_000));
    ///     loop {
    ///         let place = Arc::clone(&places).acquire_owned().await;
    ///         let (socket, peer) = listener.accept().await?;
    ///         let mut request = Request::new(());
    ///         request.extensions_mut().insert(PeerAddr(peer));
    ///         let server = server.clone();
    ///         tokio::spawn(async move {
    ///             server.serve_connection_with(request, socket).await;
    ///             drop(place);
    ///         });
    ///     }
    /// }
    /// ```
    pub async fn serve_connection_with<S>(&self, request: http::Request<()>, io: S)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (request, ()) = request.into_parts();
        self.shared.serve_stream(request, io).await;
    }

    /// How many connections are open, from the opening of the transport to the end of `on_disconnected`.
    #[must_use]
    pub fn connection_count(&self) -> usize {
        self.shared.core.front.counts().1
    }

    /// How many negotiated connections wait to be opened.
    #[must_use]
    pub fn negotiation_count(&self) -> usize {
        self.shared.core.front.counts().0
    }

    /// How many groups have a member in this process.
    #[must_use]
    pub fn group_count(&self) -> usize {
        self.shared.core.registry.group_count()
    }

    /// Ends the server: every client gets a Close message that lets it reconnect, elsewhere or later.
    ///
    /// New connections are refused from here on. Waits up to `drain` for the connections to end, then stops those that have not; their
    /// `on_disconnected` is cut short.
    ///
    /// # Cancel safety
    /// Dropped early, the goodbye is said all the same; but nothing is stopped any more, and new connections stay refused.
    pub async fn shutdown(&self, drain: Duration) {
        self.shared.core.front.shutdown(drain).await;
    }

    /// Completes when no connection is open.
    ///
    /// # Cancel safety
    /// Dropping the future changes nothing.
    pub async fn closed(&self) {
        self.shared.core.front.closed().await;
    }

    pub(super) fn from_parts(core: Core, source: HubSource<H>, methods: Methods<H>) -> Self {
        Self {
            shared: Arc::new(Shared {
                core: Arc::new(core),
                source: Arc::new(source),
                methods: Arc::new(methods),
            }),
        }
    }
}

impl<H: Hub> Endpoint for Shared<H> {
    type Connection = Connection;

    fn front(&self) -> &Arc<Front<Connection>> {
        &self.core.front
    }

    fn connection(&self, id: ConnectionId, request: Opening, via: Via, now: u64) -> Connection {
        Connection::new(id, request, via, self.core.options(), now)
    }

    fn run<T: Transport>(
        opened: Opened<Self>,
        transport: T,
    ) -> impl Future<Output = ()> + Send + 'static {
        session::run(opened, transport)
    }

    fn forget(&self, connection: &Connection) {
        self.core.forget(connection);
    }
}

impl<H: Hub> Clone for HubServer<H> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<H: Hub> fmt::Debug for HubServer<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "HubServer({}, {} open)",
            H::NAME,
            self.connection_count()
        )
    }
}

impl<H: Hub, B> tower_service::Service<http::Request<B>> for HubServer<H>
where
    B: http_body::Body + Send + 'static,
{
    type Response = http::Response<ResponseBody>;
    type Error = std::convert::Infallible;
    type Future = ResponseFuture;

    fn poll_ready(
        &mut self,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Result<(), Self::Error>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> ResponseFuture {
        endpoint::serve(&self.shared, request)
    }
}
