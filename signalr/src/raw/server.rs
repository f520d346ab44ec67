//! The server of a connection handler.

use std::{fmt, sync::Arc, time::Duration};

use tokio::io::{AsyncRead, AsyncWrite};

use super::{
    builder::ConnectionServerBuilder,
    connection::RawConnection,
    session::{BoxError, Handlers},
};
use crate::endpoint::{self, Endpoint, ResponseBody, ResponseFuture};

/// Serves raw connections: negotiation, all HTTP transports, origins and limits as for a hub, and a function of yours in its place.
///
/// It is for protocols of one's own, as ASP.NET Core's connection handlers are: the function gets each new connection, and the
/// connection lasts as long as it keeps it. Any client of the transports can connect, for instance the `HttpConnection` inside of
/// SignalR's official clients, or a plain WebSocket.
///
/// Mounted in the same ways as a [`HubServer`](crate::HubServer): as a `tower::Service`, or with `at` in our own
/// [`Server`](crate::Server). Cheap to clone; all clones are the same server.
///
/// # Example
///
/// ```
/// use signalr::{ConnectionServer, Error, RawConnection, Server};
///
/// async fn echo(mut connection: RawConnection) -> Result<(), Error> {
///     while let Some(piece) = connection.recv().await? {
///         connection.send(piece).await?;
///     }
///     Ok(())
/// }
///
/// # #[cfg(feature = "standalone")]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// let server = Server::new().mount(ConnectionServer::new(echo).at("/echo"));
/// let bound = server.bind("127.0.0.1:0").await?;
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "standalone"))]
/// # fn main() {}
/// ```
#[derive(Clone)]
pub struct ConnectionServer {
    pub(super) handlers: Arc<Handlers>,
}

impl ConnectionServer {
    /// A server with the default options.
    ///
    /// An error of the handler, or a panic, ends its connection, and no other.
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "default options are valid")]
    pub fn new<F, R, E>(handler: F) -> Self
    where
        F: Fn(RawConnection) -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<BoxError>,
    {
        let built = Self::builder(handler).build();
        built.expect("default options are valid")
    }

    /// Options for a server.
    pub fn builder<F, R, E>(handler: F) -> ConnectionServerBuilder
    where
        F: Fn(RawConnection) -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<BoxError>,
    {
        ConnectionServerBuilder::new(Box::new(move |connection| {
            let handled = handler(connection);
            Box::pin(async move { handled.await.map_err(Into::into) })
        }))
    }

    /// Serves one client over any duplex stream, without HTTP. Completes when the connection has ended.
    ///
    /// # Cancel safety
    /// Dropping the future drops the handler, and ends the connection at once, wherever its [`RawConnection`] is.
    ///
    /// # Example
    ///
    /// ```
    /// use signalr::{ConnectionServer, Error, RawConnection};
    /// use tokio::io::AsyncReadExt;
    ///
    /// async fn greet(mut connection: RawConnection) -> Result<(), Error> {
    ///     connection.send("hello").await
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let server = ConnectionServer::new(greet);
    /// let (mut client, io) = tokio::io::duplex(1024);
    /// tokio::spawn(async move { server.serve_connection(io).await });
    /// let mut greeting = String::new();
    /// client.read_to_string(&mut greeting).await?;
    /// assert_eq!(greeting, "hello");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn serve_connection<S>(&self, io: S)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (request, ()) = http::Request::new(()).into_parts();
        self.handlers.serve_stream(request, io).await;
    }

    /// Answers at a path that was found already.
    pub(crate) fn respond<B>(
        &self,
        route: endpoint::Route,
        request: http::Request<B>,
    ) -> ResponseFuture
    where
        B: http_body::Body + Send + 'static,
    {
        endpoint::respond(&self.handlers, route, request)
    }

    /// How many connections are open: those whose [`RawConnection`] is not dropped yet, or is being closed.
    #[must_use]
    pub fn connection_count(&self) -> usize {
        self.handlers.front.counts().1
    }

    /// Ends the server: no new connections from here on, and [`RawConnection::recv`] gives every handler `None`.
    ///
    /// Waits up to `drain` for the connections to end, then drops the handlers that have not and cuts off what is still open, also
    /// connections that were handed to tasks of their own. What those receive and send fails from then on.
    ///
    /// # Cancel safety
    /// Dropped early, the goodbye is said all the same; but nothing is cut off any more, and new connections stay refused.
    pub async fn shutdown(&self, drain: Duration) {
        self.handlers.front.shutdown(drain).await;
    }

    /// Completes when no connection is open.
    ///
    /// # Cancel safety
    /// Dropping the future changes nothing.
    pub async fn closed(&self) {
        self.handlers.front.closed().await;
    }
}

impl fmt::Debug for ConnectionServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ConnectionServer({} open)", self.connection_count())
    }
}

impl<B> tower_service::Service<http::Request<B>> for ConnectionServer
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
        endpoint::serve(&self.handlers, request)
    }
}
