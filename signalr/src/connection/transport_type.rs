//! The HTTP transports by name.

use std::fmt;

/// A way for hub messages to travel over HTTP; the name and the variants are .NET's.
///
/// A server offers all of them unless [`transports`](crate::HubServerBuilder::transports) says otherwise, and clients try them in
/// this order. What carried a connection is [`Connecting::transport`](crate::Connecting::transport).
///
/// # Example
///
/// ```
/// use signalr::HttpTransportType;
///
/// let names: Vec<_> = HttpTransportType::ALL.iter().map(ToString::to_string).collect();
/// assert_eq!(names, ["WebSockets", "ServerSentEvents", "LongPolling"]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HttpTransportType {
    /// A socket for both directions, opened by an HTTP request.
    WebSockets,
    /// A response without end for the server, and a POST for each batch of the client. Text only, so no MessagePack.
    ServerSentEvents,
    /// A request that waits for the server's next batch, again and again, and a POST for each batch of the client.
    LongPolling,
}

impl HttpTransportType {
    /// All of them, in the order in which clients try them.
    pub const ALL: &[Self] = &[Self::WebSockets, Self::ServerSentEvents, Self::LongPolling];

    /// The name that negotiation uses.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::WebSockets => "WebSockets",
            Self::ServerSentEvents => "ServerSentEvents",
            Self::LongPolling => "LongPolling",
        }
    }
}

impl fmt::Display for HttpTransportType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
