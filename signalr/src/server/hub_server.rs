//! The server of one hub.

use std::{fmt, sync::Arc, time::Duration};

use http::request::Parts;
use tokio::io::{AsyncRead, AsyncWrite};

use super::{
    builder::HubServerBuilder, connection::Connection, core::Core, methods::Methods, session,
};
use crate::{
    endpoint::{self, Endpoint, Front, Opened, ResponseBody, ResponseFuture, Via},
    hub::{Connecting, ConnectionId, Hub, HubContext, HubSource, Lifetime},
    hub_error::HubError,
    transport::Transport,
};

/// Serves a hub to any number of clients.
///
/// A `HubServer` is a `tower::Service` over HTTP requests with any body: nest it in an axum router, hand it to hyper, or mount it
/// with `at` in our own `Server` (feature `standalone`). It answers at the path it is mounted at and at `negotiate` below, and nowhere
/// else; as a service its path is what the router has left, which is `/` for hyper. Cheap to clone; all clones are the same server.
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

    /// Serves one client over any duplex stream, without HTTP: raw TCP, a Unix socket, an in-memory pipe.
    ///
    /// The client begins with its handshake. Completes when the connection has ended; `on_disconnected` has run then. Any number of
    /// connections can be served at the same time.
    ///
    /// # Cancel safety
    /// Dropping the future ends the connection at once, without a Close message and without `on_disconnected`.
    pub async fn serve_connection<S>(&self, io: S)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (request, ()) = http::Request::new(()).into_parts();
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
        self.shared.core.registry.counts().1
    }

    /// Ends the server: every client gets a Close message that lets it reconnect, elsewhere or later.
    ///
    /// New connections are refused from here on. Waits up to `drain` for the connections to end, then stops those that have not; their
    /// `on_disconnected` is cut short.
    pub async fn shutdown(&self, drain: Duration) {
        self.shared.core.front.shutdown(drain).await;
    }

    /// Completes when no connection is open.
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

    fn connection(&self, id: ConnectionId, request: Parts, via: Via, now: u64) -> Connection {
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
