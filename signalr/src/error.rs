//! The one error type of the library.

use std::{borrow::Cow, fmt, io, sync::Arc, time::Duration};

/// What went wrong with a connection, a send or an option.
///
/// The type is opaque, so that new causes never break a caller; ask it with the `is_…` methods. [`Display`](fmt::Display)
/// prints one level only, the cause is in [`source`](std::error::Error::source). Clones share what they say.
///
/// # Example
///
/// ```
/// use signalr::{HubServer, hub};
///
/// struct Empty;
/// #[hub]
/// impl Empty {}
///
/// let error = HubServer::builder(Empty).parallel_invocations(0).build().unwrap_err();
/// assert!(error.is_invalid_option());
/// assert_eq!(error.to_string(), "option `parallel_invocations` must be at least 1, but is 0");
/// ```
#[derive(Clone)]
pub struct Error(Arc<Kind>);

/// What official clients answer when they have no handler, or one without a result (section 12.2).
pub(crate) const NO_RESULT: &str = "Client didn't provide a result.";

/// An error of another library.
type Cause = Box<dyn std::error::Error + Send + Sync>;

pub(crate) enum Kind {
    /// The peer broke the hub protocol; the text is the specification's.
    Protocol(Cow<'static, str>),
    /// A message is larger than the receive limit; the text is the specification's.
    TooLarge { limit: usize },
    /// The same of a server's message.
    TooLargeOfServer { limit: usize },
    /// The stream ended inside a message.
    HalfMessage,
    /// The peer was silent for too long.
    ClientTimeout,
    /// The peer's Close message carried an error.
    ClosedByPeer(String),
    /// A peer did not take what was written within the send time-out.
    SendTimeout { after: Duration },
    /// A value could not be written by serde.
    Encode { what: &'static str, source: Cause },
    /// An item of an upload does not fit; the text is the specification's.
    UnfitItem { source: Cause },
    /// A client's answer does not fit; the text is the specification's.
    UnfitAnswer(String),
    /// A call to a client was given up after its time-out; the text is the specification's.
    AnswerTimeout,
    /// A builder option contradicts the rules.
    InvalidOption { option: &'static str, rule: String },
    /// `Groups` was given an empty name.
    EmptyGroupName,
    /// The connection is gone, or never was.
    NotConnected(Cow<'static, str>),
    /// The peer answered a call with an error.
    Remote(String),
    /// The caller may not do this here.
    NotAllowed(Cow<'static, str>),
    /// The connection's input or output failed.
    Io(io::Error),
    /// The server was silent for too long; the text is the specification's.
    ServerTimeout { after: Duration },
    /// Too much waited for handlers that did not end, while an answer of the server was waited for.
    HandlersStuck { limit: usize, after: Duration },
    /// The server took or acknowledged nothing for too long.
    Stalled { after: Duration },
    /// The server's Close message carried an error.
    ClosedByServer(String),
    /// A connection could not be opened.
    Connect(Cow<'static, str>),
    /// The server did not answer the handshake in time.
    HandshakeTimeout { after: Duration },
    /// The server refused the handshake.
    HandshakeRefused(String),
    /// An HTTP request was answered with another status than success.
    Status {
        what: &'static str,
        /// Without query, which may hold secrets.
        url: String,
        status: u16,
    },
    /// An HTTP request was not answered in time.
    RequestTimeout {
        what: &'static str,
        url: String,
        after: Duration,
    },
    /// A connection could not be opened, because of another error.
    ConnectBy { what: String, source: Cause },
    /// No transport worked; the text is the specification's.
    NoTransport { text: String, unauthorized: bool },
    /// The retry policy has given up.
    RetriesExhausted {
        attempts: u32,
        elapsed: Duration,
        source: Error,
    },
}

impl Error {
    pub(crate) fn protocol(text: impl Into<Cow<'static, str>>) -> Self {
        Kind::Protocol(text.into()).into()
    }

    /// Whether time ran out: the peer was silent, or did not read or answer, for longer than was allowed.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        matches!(
            *self.0,
            Kind::ClientTimeout
                | Kind::SendTimeout { .. }
                | Kind::AnswerTimeout
                | Kind::ServerTimeout { .. }
                | Kind::HandlersStuck { .. }
                | Kind::Stalled { .. }
                | Kind::HandshakeTimeout { .. }
                | Kind::RequestTimeout { .. }
        )
    }

    /// Whether the peer broke the protocol: malformed, oversized or cut-off messages.
    #[must_use]
    pub fn is_protocol(&self) -> bool {
        matches!(
            *self.0,
            Kind::Protocol(_)
                | Kind::TooLarge { .. }
                | Kind::TooLargeOfServer { .. }
                | Kind::HalfMessage
        )
    }

    /// Whether the connection in question is gone or was never there.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        matches!(
            *self.0,
            Kind::NotConnected(_) | Kind::ClosedByPeer(_) | Kind::ClosedByServer(_)
        )
    }

    /// Whether a connection could not be opened: the server was not reached, refused, or answered something else than expected.
    #[must_use]
    pub fn is_connect(&self) -> bool {
        matches!(
            *self.0,
            Kind::Connect(_)
                | Kind::ConnectBy { .. }
                | Kind::Status { .. }
                | Kind::RequestTimeout { .. }
                | Kind::NoTransport { .. }
                | Kind::HandshakeRefused(_)
                | Kind::HandshakeTimeout { .. }
                | Kind::RetriesExhausted { .. }
        )
    }

    /// Whether the server wants other credentials: it answered 401 or 403. Trying again with the same ones is of no use.
    #[must_use]
    pub fn is_unauthorized(&self) -> bool {
        match &*self.0 {
            Kind::Status { status, .. } => matches!(status, 401 | 403),
            Kind::NoTransport { unauthorized, .. } => *unauthorized,
            Kind::ConnectBy { source, .. } => source
                .downcast_ref::<Self>()
                .is_some_and(Self::is_unauthorized),
            Kind::RetriesExhausted { source, .. } => source.is_unauthorized(),
            _ => false,
        }
    }

    /// Whether the peer's end of the connection has gone without a word.
    pub(crate) fn is_disconnect(&self) -> bool {
        use io::ErrorKind::{
            BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected, TimedOut, UnexpectedEof,
        };
        let Kind::Io(error) = &*self.0 else {
            return false;
        };
        matches!(
            error.kind(),
            BrokenPipe
                | ConnectionAborted
                | ConnectionReset
                | NotConnected
                | TimedOut
                | UnexpectedEof
        )
    }

    /// Whether the way to the peer failed.
    #[cfg(any(feature = "server", feature = "client"))]
    pub(crate) fn is_io(&self) -> bool {
        matches!(*self.0, Kind::Io(_))
    }

    /// Whether a server has answered something else than was asked for.
    #[cfg(feature = "client")]
    pub(crate) fn is_status(&self) -> bool {
        matches!(*self.0, Kind::Status { .. })
    }

    #[cfg(feature = "client")]
    pub(crate) fn is_request_timeout(&self) -> bool {
        matches!(*self.0, Kind::RequestTimeout { .. })
    }

    /// The same in the words of a client, whose peer is the server.
    #[cfg(feature = "client")]
    pub(crate) fn of_server(self) -> Self {
        match &*self.0 {
            Kind::ClosedByPeer(text) => Kind::ClosedByServer(text.clone()).into(),
            Kind::TooLarge { limit } => Kind::TooLargeOfServer { limit: *limit }.into(),
            _ => self,
        }
    }

    /// For those who expect an I/O error.
    pub(crate) fn into_io(self) -> io::Error {
        use io::ErrorKind::{BrokenPipe, InvalidData, Other, TimedOut};
        let this = match Arc::try_unwrap(self.0) {
            Ok(Kind::Io(error)) => return error,
            Ok(kind) => Self::from(kind),
            Err(shared) => Self(shared),
        };
        let kind = match &*this.0 {
            Kind::Io(error) => error.kind(),
            Kind::NotConnected(_) | Kind::ClosedByPeer(_) => BrokenPipe,
            Kind::SendTimeout { .. } => TimedOut,
            Kind::NotAllowed(_) | Kind::Protocol(_) => InvalidData,
            _ => Other,
        };
        io::Error::new(kind, this)
    }

    /// Whether a builder refused an option.
    #[must_use]
    pub fn is_invalid_option(&self) -> bool {
        matches!(*self.0, Kind::InvalidOption { .. })
    }

    /// Whether a value could not be serialized or deserialized.
    #[must_use]
    pub fn is_serialization(&self) -> bool {
        matches!(
            *self.0,
            Kind::Encode { .. } | Kind::UnfitItem { .. } | Kind::UnfitAnswer(_)
        )
    }

    /// Whether a client was asked for something that it has no handler for.
    #[must_use]
    pub fn is_no_handler(&self) -> bool {
        matches!(&*self.0, Kind::Remote(text) if text == NO_RESULT)
    }

    /// The text that the other side sent as its error, if this is one.
    #[must_use]
    pub fn remote_message(&self) -> Option<&str> {
        match &*self.0 {
            Kind::Remote(text)
            | Kind::ClosedByPeer(text)
            | Kind::ClosedByServer(text)
            | Kind::HandshakeRefused(text) => Some(text),
            _ => None,
        }
    }

    /// The exception name that ASP.NET Core prints for this error in detailed texts.
    pub(crate) fn wire_name(&self) -> &'static str {
        match &*self.0 {
            Kind::Protocol(_)
            | Kind::TooLarge { .. }
            | Kind::TooLargeOfServer { .. }
            | Kind::HalfMessage => "InvalidDataException",
            Kind::ClientTimeout | Kind::SendTimeout { .. } => "OperationCanceledException",
            Kind::Encode { source, .. } => {
                if source.is::<serde_json::Error>() {
                    "JsonException"
                } else {
                    "MessagePackSerializationException"
                }
            }
            Kind::ClosedByPeer(_)
            | Kind::Remote(_)
            | Kind::UnfitItem { .. }
            | Kind::UnfitAnswer(_)
            | Kind::AnswerTimeout => "HubException",
            Kind::NotConnected(_)
            | Kind::Io(_)
            | Kind::ServerTimeout { .. }
            | Kind::HandlersStuck { .. }
            | Kind::Stalled { .. }
            | Kind::ClosedByServer(_)
            | Kind::Connect(_)
            | Kind::ConnectBy { .. }
            | Kind::HandshakeTimeout { .. }
            | Kind::HandshakeRefused(_)
            | Kind::Status { .. }
            | Kind::RequestTimeout { .. }
            | Kind::NoTransport { .. }
            | Kind::RetriesExhausted { .. } => "IOException",
            Kind::InvalidOption { .. } | Kind::EmptyGroupName => "ArgumentException",
            Kind::NotAllowed(_) => "InvalidOperationException",
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            Kind::Protocol(text)
            | Kind::NotConnected(text)
            | Kind::NotAllowed(text)
            | Kind::Connect(text) => f.write_str(text),
            Kind::TooLarge { limit } => write!(
                f,
                "The maximum message size of {limit}B was exceeded. The message size can be configured in AddHubOptions."
            ),
            Kind::TooLargeOfServer { limit } => write!(
                f,
                "a message of the server is larger than the `max_receive_size` of {limit} bytes"
            ),
            Kind::HalfMessage => f.write_str("Connection terminated while reading a message."),
            Kind::ClientTimeout => f.write_str(
                "Client hasn't sent a message/ping within the configured ClientTimeoutInterval.",
            ),
            Kind::ClosedByPeer(text) | Kind::Remote(text) | Kind::UnfitAnswer(text) => {
                f.write_str(text)
            }
            Kind::UnfitItem { .. } => f.write_str("Failed to bind Stream message."),
            Kind::AnswerTimeout => f.write_str("Invocation canceled by the server."),
            Kind::SendTimeout { after } => {
                write!(
                    f,
                    "the peer took nothing for the `send_timeout` of {after:?}"
                )
            }
            Kind::Encode { what, .. } => write!(f, "cannot serialize {what}"),
            Kind::InvalidOption { option, rule } => write!(f, "option `{option}` {rule}"),
            Kind::EmptyGroupName => f.write_str("Cannot send to an empty group name."),
            Kind::Io(_) => f.write_str("the connection's input or output failed"),
            Kind::ServerTimeout { after } => write!(
                f,
                "Server timeout ({:.2}ms) elapsed without receiving a message from the server.",
                after.as_secs_f64() * 1e3
            ),
            Kind::HandlersStuck { limit, after } => write!(
                f,
                "{} MiB of messages waited for their handlers, and none of these ended within the `server_timeout` of {after:?}, \
                 while an answer of the server was waited for",
                limit >> 20
            ),
            Kind::Stalled { after } => write!(
                f,
                "the server took or acknowledged nothing of what was sent for the `server_timeout` of {after:?}"
            ),
            Kind::ClosedByServer(text) => write!(
                f,
                "The server closed the connection with the following error: {text}"
            ),
            Kind::HandshakeTimeout { after } => write!(
                f,
                "the server did not answer the handshake within the `handshake_timeout` of {after:?}"
            ),
            Kind::HandshakeRefused(text) => write!(
                f,
                "Unable to complete handshake with the server due to an error: {text}"
            ),
            Kind::Status { what, url, status } => {
                write!(f, "{what} at {url} was answered with the status {status}")
            }
            Kind::RequestTimeout { what, url, after } => write!(
                f,
                "{what} at {url} was not answered within the `request_timeout`: {after:?}"
            ),
            Kind::ConnectBy { what, .. } => f.write_str(what),
            Kind::NoTransport { text, .. } => f.write_str(text),
            Kind::RetriesExhausted {
                attempts, elapsed, ..
            } => write!(
                f,
                "Reconnect retries have been exhausted after {attempts} failed attempts and {:.1} s elapsed. Disconnecting.",
                elapsed.as_secs_f64()
            ),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error({:?}", self.to_string())?;
        if let Some(source) = std::error::Error::source(self) {
            write!(f, ", {source:?}")?;
        }
        f.write_str(")")
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &*self.0 {
            Kind::Encode { source, .. }
            | Kind::UnfitItem { source }
            | Kind::ConnectBy { source, .. } => Some(&**source),
            Kind::Io(source) => Some(source),
            Kind::RetriesExhausted { source, .. } => Some(source),
            _ => None,
        }
    }
}

impl From<Kind> for Error {
    fn from(kind: Kind) -> Self {
        Self(Arc::new(kind))
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Kind::Io(error).into()
    }
}
