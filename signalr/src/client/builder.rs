//! What a connection is made from.

use std::{fmt, io, sync::Arc, time::Duration};

use tokio::io::{AsyncRead, AsyncWrite};

use super::{
    connection::{self, HubConnection},
    connector::{Connect, OneStream, Streams},
    events::Events,
    handler::{EventHandler, HandlerArguments, HandlerResult, ResultHandler},
    http::{Http, HttpOptions},
    options::{Options, STATEFUL_RECONNECT_BUFFER},
    retry::{self, RetryPolicy},
    shared::Shared,
};
use crate::{
    connection::{Callbacks, ConnectionId, Handlers},
    error::{Error, Kind},
    protocol::HubProtocol,
};

/// The settings of a [`HubConnection`], and its first handlers.
///
/// # Example
///
/// ```no_run
/// use std::time::Duration;
/// use signalr::{HubConnection, HubProtocol};
///
/// # async fn run() -> Result<(), signalr::Error> {
/// let connection = HubConnection::builder("http://localhost:5000/chat")
///     .protocol(HubProtocol::MessagePack)
///     .server_timeout(Duration::from_secs(60))
///     .automatic_reconnect()
///     .connect()
///     .await?;
/// # Ok(())
/// # }
/// ```
#[must_use = "a builder does nothing until `build` or `connect`"]
pub struct HubConnectionBuilder {
    source: Source,
    options: Options,
    handlers: Handlers,
    events: Events,
    /// The first thing that was wrong.
    error: Option<Error>,
}

/// Where connections come from.
enum Source {
    Streams(Box<dyn Connect>),
    /// Opens once.
    Stream(Box<dyn Connect>),
    Url(Box<HttpOptions>),
}

impl HubConnectionBuilder {
    pub(super) fn of_url(http: HttpOptions) -> Self {
        Self::new(Source::Url(Box::new(http)))
    }

    pub(super) fn of_streams(connect: impl Connect) -> Self {
        Self::new(Source::Streams(Box::new(connect)))
    }

    fn new(source: Source) -> Self {
        Self {
            source,
            options: Options::default(),
            handlers: Handlers::default(),
            events: Events::default(),
            error: None,
        }
    }

    /// The encoding; JSON if nothing is said.
    pub fn protocol(mut self, protocol: HubProtocol) -> Self {
        self.options.protocol = protocol;
        self
    }

    /// How long the server may be silent before the connection counts as lost; 30 s if nothing is said, and best at least twice the
    /// server's keep-alive interval. As long it may take, or acknowledge, nothing of what waits to be sent.
    pub fn server_timeout(mut self, timeout: Duration) -> Self {
        self.options.server_timeout = timeout;
        self
    }

    /// After how long without sending the server is pinged; 15 s if nothing is said.
    pub fn keep_alive(mut self, interval: Duration) -> Self {
        self.options.keep_alive = interval;
        self
    }

    /// How long the server may take to answer the handshake; 15 s if nothing is said.
    pub fn handshake_timeout(mut self, timeout: Duration) -> Self {
        self.options.handshake_timeout = timeout;
        self
    }

    /// How long the server may take to end its side when the connection is closed; 5 s if nothing is said.
    pub fn close_timeout(mut self, timeout: Duration) -> Self {
        self.options.close_timeout = timeout;
        self
    }

    /// The size in bytes of the largest message that the server may send, or `None`; 16 MiB if nothing is said. A larger one ends the
    /// connection.
    pub fn max_receive_size(mut self, bytes: impl Into<Option<usize>>) -> Self {
        self.options.max_receive_size = bytes.into();
        self
    }

    /// Bytes that may wait to be sent before senders wait; 1 MiB if nothing is said.
    pub fn send_queue_limit(mut self, bytes: usize) -> Self {
        self.options.send_queue_limit = bytes;
        self
    }

    /// Items of a stream that may wait to be read before the server is slowed down; 64 if nothing is said.
    pub fn stream_buffer(mut self, items: usize) -> Self {
        self.options.stream_buffer = items;
        self
    }

    /// Opens the connection again when it is lost: at once, after 2, 10 and 30 seconds, as official clients do; then it gives up.
    /// After several connections that do not last 5 s it takes longer ([`RetryPolicy`]).
    ///
    /// What waits for an answer fails when the connection is lost. The server knows the new connection as another one, in no group.
    pub fn automatic_reconnect(self) -> Self {
        self.automatic_reconnect_with(retry::DEFAULT)
    }

    /// As [`automatic_reconnect`](Self::automatic_reconnect), with other delays: a list, a [`Backoff`](crate::Backoff), or a closure.
    pub fn automatic_reconnect_with(mut self, policy: impl RetryPolicy) -> Self {
        self.options.retry = Some(Arc::new(policy));
        self
    }

    /// Whether [`HubConnection::start`] too tries again as the policy says; otherwise it fails with the first attempt. Without
    /// [`automatic_reconnect`](Self::automatic_reconnect) there is no policy, which is an error of [`build`](Self::build).
    pub fn retry_start(mut self, retry: bool) -> Self {
        self.options.retry_start = retry;
        self
    }

    /// Asks the server for a stateful reconnect: a connection whose WebSocket is lost goes on with another one, within 15 s.
    ///
    /// Nothing is lost or doubled, what waits for an answer goes on waiting, and no event tells of it: both ends keep what they have
    /// sent until it is acknowledged. Where that does not succeed the connection is lost as any other, and
    /// [`automatic_reconnect`](Self::automatic_reconnect) has its turn. A server that does not allow it, another transport, a byte
    /// stream and WebSockets without negotiation are used without. Off if nothing is said.
    ///
    /// # Example
    ///
    /// ```no_run
    /// # async fn run() -> Result<(), signalr::Error> {
    /// use signalr::HubConnection;
    ///
    /// let connection = HubConnection::builder("http://localhost:5000/chat")
    ///     .stateful_reconnect()
    ///     .automatic_reconnect()
    ///     .connect()
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn stateful_reconnect(mut self) -> Self {
        self.options
            .stateful_reconnect
            .get_or_insert(STATEFUL_RECONNECT_BUFFER);
        self
    }

    /// As [`stateful_reconnect`](Self::stateful_reconnect), with a number of bytes that may be sent and not acknowledged before senders
    /// wait; 100,000 if nothing is said. Servers acknowledge once a second.
    pub fn stateful_reconnect_buffer(mut self, bytes: usize) -> Self {
        self.options.stateful_reconnect = Some(bytes);
        self
    }

    /// As [`HubConnection::on`].
    pub fn on<A, H>(mut self, name: &str, handler: H) -> Self
    where
        A: HandlerArguments,
        H: EventHandler<A, Future: Future<Output = ()> + Send + 'static> + Send + Sync + 'static,
    {
        connection::add_event(&mut self.handlers, name, handler);
        self
    }

    /// As [`HubConnection::respond`]; a second answer to one name is an error of [`build`](Self::build).
    pub fn respond<A, R, H>(mut self, name: &str, handler: H) -> Self
    where
        A: HandlerArguments,
        R: HandlerResult,
        H: ResultHandler<A, R, Future: Send + 'static> + Send + Sync + 'static,
    {
        let mut handlers = Handlers::default();
        connection::add_result(&mut handlers, name, handler);
        self.append(handlers);
        self
    }

    /// As [`HubConnection::receive`]; a second answer to one name is an error of [`build`](Self::build).
    pub fn receiver(mut self, receiver: impl Callbacks) -> Self {
        let mut handlers = Handlers::default();
        Arc::new(receiver).register(&mut handlers);
        self.append(handlers);
        self
    }

    /// As [`HubConnection::on_reconnecting`].
    pub fn on_reconnecting<F>(
        self,
        handler: impl Fn(Option<Error>) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.events.add(connection::reconnecting(handler));
        self
    }

    /// As [`HubConnection::on_reconnected`].
    pub fn on_reconnected<F>(
        self,
        handler: impl Fn(Option<ConnectionId>) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.events.add(connection::reconnected(handler));
        self
    }

    /// As [`HubConnection::on_closed`].
    pub fn on_closed<F>(self, handler: impl Fn(Option<Error>) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.events.add(connection::closed(handler));
        self
    }

    /// Checks the settings and makes the connection, not yet open.
    ///
    /// # Errors
    /// The URL is none, an option contradicts the rules, or two handlers answer to one name.
    pub fn build(self) -> Result<HubConnection, Error> {
        if let Some(error) = self.error {
            return Err(error);
        }
        self.options.check()?;
        if matches!(self.source, Source::Stream(_)) && self.options.retry.is_some() {
            let rule = "needs a way to open further streams: `HubConnection::over`".to_owned();
            return Err(invalid("automatic_reconnect", rule));
        }
        let connect = match self.source {
            Source::Streams(connect) | Source::Stream(connect) => connect,
            Source::Url(http) => Box::new(Http::new(*http, &self.options)?),
        };
        let events = Arc::new(self.events);
        let shared = Shared::new(self.options, connect, self.handlers, events);
        Ok(HubConnection::new(shared))
    }

    /// Makes the connection and opens it.
    ///
    /// # Errors
    /// As [`build`](Self::build) and [`HubConnection::start`].
    ///
    /// # Cancel safety
    /// Dropping the future ends the attempt.
    pub async fn connect(self) -> Result<HubConnection, Error> {
        let connection = self.build()?;
        connection.start().await?;
        Ok(connection)
    }

    pub(super) fn events(&self) -> &Events {
        &self.events
    }

    pub(super) fn set_http(
        &mut self,
        option: &'static str,
        set: impl FnOnce(&mut HttpOptions) -> Result<(), Error>,
    ) {
        let done = match &mut self.source {
            Source::Url(http) => set(http),
            Source::Streams(_) | Source::Stream(_) => {
                Err(invalid(option, "is for connections by URL".to_owned()))
            }
        };
        if let Err(error) = done {
            self.error.get_or_insert(error);
        }
    }

    fn append(&mut self, mut handlers: Handlers) {
        if let Err(error) = self.handlers.append(&mut handlers) {
            self.error.get_or_insert(error);
        }
    }
}

impl HubConnection {
    /// A builder for a connection over byte streams that `open` opens: raw TCP, a Unix socket, a pipe. It is asked at the start, and
    /// again for each attempt to reconnect.
    ///
    /// # Example
    ///
    /// ```no_run
    /// # async fn run() -> Result<(), signalr::Error> {
    /// use signalr::HubConnection;
    /// use tokio::net::TcpStream;
    ///
    /// let connection = HubConnection::over(|| TcpStream::connect("127.0.0.1:5001")).connect().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn over<F, T, S>(open: F) -> HubConnectionBuilder
    where
        F: Fn() -> T + Send + Sync + 'static,
        T: Future<Output = io::Result<S>> + Send + 'static,
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        HubConnectionBuilder::of_streams(Streams(open))
    }

    /// A builder for a connection over a byte stream that is open already. It is used once: the connection is not opened again, neither
    /// by [`automatic_reconnect`](HubConnectionBuilder::automatic_reconnect), which is an error of
    /// [`build`](HubConnectionBuilder::build), nor by a second [`start`](HubConnection::start), which fails.
    ///
    /// # Example
    ///
    /// ```
    /// # async fn run(server: signalr::HubServer<Desk>) -> Result<(), signalr::Error> {
    /// use signalr::HubConnection;
    ///
    /// let (ours, theirs) = tokio::io::duplex(64 * 1024);
    /// tokio::spawn(async move { server.serve_connection(theirs).await });
    /// let connection = HubConnection::over_stream(ours).connect().await?;
    /// # Ok(())
    /// # }
    /// # struct Desk;
    /// # #[signalr::hub]
    /// # impl Desk {}
    /// ```
    pub fn over_stream<S>(stream: S) -> HubConnectionBuilder
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        HubConnectionBuilder::new(Source::Stream(Box::new(OneStream::new(stream))))
    }
}

impl fmt::Debug for HubConnectionBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HubConnectionBuilder")
            .field("handlers", &self.handlers)
            .finish_non_exhaustive()
    }
}

impl Options {
    fn check(&self) -> Result<(), Error> {
        let durations = [
            ("server_timeout", self.server_timeout),
            ("keep_alive", self.keep_alive),
            ("handshake_timeout", self.handshake_timeout),
        ];
        for (option, duration) in durations {
            if duration.is_zero() {
                return Err(invalid(option, "must be longer than zero".to_owned()));
            }
        }
        if self.keep_alive >= self.server_timeout {
            let rule = format!(
                "must be shorter than the `server_timeout` of {:?}, but is {:?}",
                self.server_timeout, self.keep_alive
            );
            return Err(invalid("keep_alive", rule));
        }
        if self.retry_start && self.retry.is_none() {
            let rule = "needs a policy: set `automatic_reconnect` too".to_owned();
            return Err(invalid("retry_start", rule));
        }
        let numbers = [
            ("stream_buffer", self.stream_buffer),
            ("send_queue_limit", self.send_queue_limit),
            (
                "stateful_reconnect_buffer",
                self.stateful_reconnect.unwrap_or(1),
            ),
            ("max_receive_size", self.max_receive_size.unwrap_or(1)),
        ];
        for (option, number) in numbers {
            if number == 0 {
                return Err(invalid(option, "must be at least 1, but is 0".to_owned()));
            }
        }
        Ok(())
    }
}

fn invalid(option: &'static str, rule: String) -> Error {
    Kind::InvalidOption { option, rule }.into()
}
