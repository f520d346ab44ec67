//! Options of a server, one sentence each.

use std::{fmt, time::Duration};

use super::{
    core::{Core, UserId},
    hub_server::HubServer,
    methods::Methods,
    options::Options,
    origins::Origins,
};
use crate::{
    backplane::{Backplane, Local},
    error::Error,
    hub::{HttpTransportType, Hub, HubSource},
    protocol::HubProtocol,
};

/// Options of a [`HubServer`], with ASP.NET Core's defaults.
///
/// # Example
///
/// ```
/// # use std::time::Duration;
/// # use signalr::{Error, HubServer, hub};
/// # struct Chat;
/// # #[hub]
/// # impl Chat {}
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Error> {
/// let server = HubServer::builder(Chat)
///     .keep_alive(Duration::from_secs(10))
///     .max_receive_size(256 * 1024)
///     .detailed_errors(cfg!(debug_assertions))
///     .user_id(|request| Some(request.headers.get("x-user")?.to_str().ok()?.to_owned()))
///     .build()?;
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing is served until `build` is called and its result is mounted"]
pub struct HubServerBuilder<H: Hub> {
    source: HubSource<H>,
    options: Options,
    backplane: Box<dyn Backplane>,
    user_id: Option<UserId>,
}

impl<H: Hub> HubServerBuilder<H> {
    pub(super) fn new(source: HubSource<H>) -> Self {
        Self {
            source,
            options: Options::default(),
            backplane: Box::new(Local::new()),
            user_id: None,
        }
    }

    /// The hub protocols that clients may choose from. Default: all that this build speaks.
    ///
    /// A handshake that asks for another one is refused.
    pub fn protocols(mut self, protocols: impl IntoIterator<Item = HubProtocol>) -> Self {
        self.options.protocols.clear();
        for protocol in protocols {
            if !self.options.protocols.contains(&protocol) {
                self.options.protocols.push(protocol);
            }
        }
        self
    }

    /// A ping goes out after this long without any other message to the client. Default: 15 s.
    ///
    /// Keep it at most half of the clients' server time-out, which is 30 s by default.
    pub fn keep_alive(mut self, interval: Duration) -> Self {
        self.options.keep_alive = interval;
        self
    }

    /// A client that sends no whole message for this long is disconnected. Default: 30 s. Must be longer than
    /// [`keep_alive`](Self::keep_alive); keep it at least twice the clients' own keep-alive interval, which is 15 s by default.
    ///
    /// Checked once a second, or ten times in the shortest of the server's time-outs.
    pub fn client_timeout(mut self, timeout: Duration) -> Self {
        self.options.client_timeout = timeout;
        self
    }

    /// The handshake must be complete after this long. Default: 15 s.
    pub fn handshake_timeout(mut self, timeout: Duration) -> Self {
        self.options.handshake_timeout = timeout;
        self
    }

    /// The largest hub message that a client may send, in bytes with its framing. Default: 32,768.
    ///
    /// A larger one ends the connection, before it has arrived completely.
    pub fn max_receive_size(mut self, bytes: usize) -> Self {
        self.options.max_receive_size = Some(bytes);
        self
    }

    /// Takes hub messages of any size: a client can make the server hold as much memory as it likes. Default: 32,768 bytes.
    pub fn unlimited_receive_size(mut self) -> Self {
        self.options.max_receive_size = None;
        self
    }

    /// Sends the texts of all errors to clients, not only those of [`HubError::new`](crate::HubError::new). Default: off.
    ///
    /// The texts may hold secrets; this is for development.
    pub fn detailed_errors(mut self, on: bool) -> Self {
        self.options.detailed_errors = on;
        self
    }

    /// How many bytes may wait to be sent to one client before senders wait. Default: 65,536.
    ///
    /// One message may exceed the limit. Reading from the client stops too while its queue is full.
    pub fn send_queue_limit(mut self, bytes: usize) -> Self {
        self.options.send_queue_limit = bytes;
        self
    }

    /// A client that does not take what was written to it within this time is disconnected, and nobody waits for it any more.
    /// Default: 10 s.
    ///
    /// What is written at once is what was queued: up to [`send_queue_limit`](Self::send_queue_limit) and one message.
    pub fn send_timeout(mut self, timeout: Duration) -> Self {
        self.options.send_timeout = timeout;
        self
    }

    /// How many ordinary calls of one connection run at the same time. Default: 1, so that they run in order.
    ///
    /// Streaming calls and calls with uploads do not count, and neither do calls, up to 100, that have asked a client something: the
    /// answer may need further calls. Those wait otherwise, up to 64 KiB of them; then reading stops.
    pub fn parallel_invocations(mut self, calls: usize) -> Self {
        self.options.parallel_invocations = calls;
        self
    }

    /// How many result streams one connection may have running. Default: 100. One more gets an error completion.
    pub fn max_streams(mut self, streams: usize) -> Self {
        self.options.max_streams = streams;
        self
    }

    /// How many upload streams one connection may have running. Default: 100. One more gets an error completion.
    pub fn max_uploads(mut self, streams: usize) -> Self {
        self.options.max_uploads = streams;
        self
    }

    /// How many items of an upload wait for the hub method to read them. Default: 10.
    ///
    /// Further ones are kept unread, up to 64 KiB for all uploads of the connection together; then reading from the client stops.
    pub fn upload_buffer(mut self, items: usize) -> Self {
        self.options.upload_buffer = items;
        self
    }

    /// Which HTTP transports clients may use. Default: all of them.
    ///
    /// The others are not offered when a client negotiates, and refused when it asks for one all the same. A client falls back by
    /// itself from a transport that does not get through to the next one that is offered.
    ///
    /// # Example
    ///
    /// ```
    /// # use signalr::{Error, HttpTransportType, HubServer, hub};
    /// # struct Chat;
    /// # #[hub]
    /// # impl Chat {}
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Error> {
    /// let server = HubServer::builder(Chat)
    ///     .transports([HttpTransportType::WebSockets, HttpTransportType::LongPolling])
    ///     .build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn transports(mut self, offered: impl IntoIterator<Item = HttpTransportType>) -> Self {
        self.options.transports = offered.into_iter().collect();
        self
    }

    /// A poll that has waited this long is answered empty, and the client polls again. Default: 90 s.
    ///
    /// Keep it below the clients' own time-out for a request, which is 100 s in JavaScript and 120 s in .NET.
    pub fn poll_timeout(mut self, timeout: Duration) -> Self {
        self.options.poll_timeout = timeout;
        self
    }

    /// How long a negotiated connection may wait to be opened, and one with long polling may be without a poll. Default: 15 s.
    pub fn disconnect_timeout(mut self, timeout: Duration) -> Self {
        self.options.disconnect_timeout = timeout;
        self
    }

    /// How many bytes of one connection's POST requests wait to be read before further ones have to wait. Default: 65,536.
    ///
    /// For Server-Sent Events and long polling; from a socket nothing is read before there is room.
    pub fn receive_queue_limit(mut self, bytes: usize) -> Self {
        self.options.receive_queue_limit = bytes;
        self
    }

    /// The largest body of a POST request, which may hold many hub messages. Default: 30,000,000 bytes. Beyond, the answer is 413.
    pub fn max_body_size(mut self, bytes: u64) -> Self {
        self.options.max_body_size = bytes;
        self
    }

    /// Lets pages of these origins use the hub, with their cookies. Default: none, only pages of the hub's own origin.
    ///
    /// A page of any other origin is refused with 403 and a text that names it, on every transport and when it negotiates. What is not
    /// sent by a page has no origin, and always passes.
    ///
    /// An origin is what browsers send as `Origin`: scheme, host, and the port unless it is the scheme's own. `https://*.example.com`
    /// stands for all hosts below `example.com`. For the listed origins the hub answers pre-flight requests and adds the CORS headers
    /// that browsers ask for; see [`cors_headers`](Self::cors_headers).
    ///
    /// The hub's own origin is the host that the request names, so a proxy must pass `Host` on; otherwise list the origin that users see.
    ///
    /// # Example
    ///
    /// ```
    /// # use signalr::{Error, HubServer, hub};
    /// # struct Chat;
    /// # #[hub]
    /// # impl Chat {}
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Error> {
    /// let server = HubServer::builder(Chat)
    ///     .allow_origins(["https://app.example.com", "http://localhost:3000"])
    ///     .build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn allow_origins<S: AsRef<str>>(mut self, origins: impl IntoIterator<Item = S>) -> Self {
        self.options.origins = Origins::listed(origins);
        self
    }

    /// Lets every page use the hub, wherever it comes from. Default: see [`allow_origins`](Self::allow_origins), which this replaces.
    ///
    /// Any page that a user visits can then call the hub with that user's cookies. It is for hubs that know their users by a token, or
    /// not at all.
    pub fn allow_any_origin(mut self) -> Self {
        self.options.origins = Origins::Any;
        self
    }

    /// Answers pre-flight requests and adds CORS headers for the origins that are allowed. Default: on.
    ///
    /// Switch it off where something in front of the hub does that and does not replace headers that are there: a browser does not take
    /// two of them. tower-http's `CorsLayer` replaces them. Origins are checked all the same, since nothing else does that for
    /// WebSockets.
    pub fn cors_headers(mut self, on: bool) -> Self {
        self.options.cors_headers = on;
        self
    }

    /// Compresses what goes through WebSockets, for clients that offer it: permessage-deflate, as browsers and Node do. Default: off.
    ///
    /// Messages of 256 bytes and more are compressed, each by itself and a broadcast once for all: JSON of some KiB shrinks to a third
    /// or less, at 20 to 50 µs of CPU time. A connection that waits holds nothing for it. The limits count what messages are when
    /// inflated, and hold while they are.
    ///
    /// # Security
    /// The length of a compressed message tells something about its content, through TLS too. Where one message holds a secret and
    /// text that another person has chosen, who can see lengths may find out the secret by trying (the attacks CRIME and BREACH).
    /// Leave this off for such hubs. Messages do not tell on each other: nothing is kept from one to the next.
    ///
    /// Inflating is work that clients can ask for with few bytes: of what the network brings a thousand times as much may have to be
    /// read. [`unlimited_receive_size`](Self::unlimited_receive_size) makes it memory, too.
    #[cfg(feature = "deflate")]
    pub fn compression(mut self, on: bool) -> Self {
        self.options.compression = on;
        self
    }

    /// How many negotiated connections may wait to be opened. Default: 1,000. Beyond, negotiate answers 429.
    ///
    /// One that is not opened within [`disconnect_timeout`](Self::disconnect_timeout) is forgotten.
    pub fn max_negotiations(mut self, connections: usize) -> Self {
        self.options.max_negotiations = connections;
        self
    }

    /// The lowest version of the negotiation that clients may ask for: with 1, every connection has a secret token. Default: 0.
    pub fn min_negotiate_version(mut self, version: i32) -> Self {
        self.options.min_negotiate_version = version;
        self
    }

    /// Names the user of a connection, once, from its HTTP request. Default: nobody.
    ///
    /// The text is what [`Clients::user`](crate::Clients::user) is compared with, exactly.
    pub fn user_id(
        mut self,
        user_id: impl Fn(&http::request::Parts) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        self.user_id = Some(Box::new(user_id));
        self
    }

    /// Carries sends and group changes. Default: [`Local`], for one process.
    pub fn backplane(mut self, backplane: impl Backplane) -> Self {
        self.backplane = Box::new(backplane);
        self
    }

    /// Checks the options and makes the server.
    ///
    /// # Errors
    /// An option contradicts the rules above; the error names it.
    pub fn build(self) -> Result<HubServer<H>, Error> {
        self.options.validate()?;
        let methods = Methods::new()?;
        let core = Core::new(self.options, self.backplane, self.user_id);
        Ok(HubServer::from_parts(core, self.source, methods))
    }
}

impl<H: Hub> fmt::Debug for HubServerBuilder<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HubServerBuilder")
            .field("hub", &H::NAME)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
