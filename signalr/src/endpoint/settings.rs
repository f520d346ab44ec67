//! Options that all builders have, written once.

/// The methods for the options of the transports, for the `impl` block of a builder with a method `http`.
///
/// `$uses` are the hidden lines that an example begins with, `$builder` is how it makes a builder.
macro_rules! http_settings {
    ($uses:literal, $builder:literal) => {
        /// How many bytes may wait to be sent to one client before senders wait. Default: 65,536.
        ///
        /// One message may exceed the limit. Reading from the client stops too while its queue is full.
        pub fn send_queue_limit(mut self, bytes: usize) -> Self {
            self.http().send_queue_limit = bytes;
            self
        }

        /// A client that does not take what was written to it within this time is disconnected, and nobody waits for it any more.
        /// Default: 10 s.
        ///
        /// What is written at once is what was queued: up to [`send_queue_limit`](Self::send_queue_limit) and one message.
        pub fn send_timeout(mut self, timeout: Duration) -> Self {
            self.http().send_timeout = timeout;
            self
        }

        /// How long a client may take to end its side of a WebSocket or of a stream without HTTP, once the server has ended its own;
        /// then it is cut off. Default: 5 s.
        pub fn close_timeout(mut self, timeout: Duration) -> Self {
            self.http().close_timeout = timeout;
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
        #[doc = $uses]
        /// # use signalr::{Error, HttpTransportType};
        /// # #[tokio::main(flavor = "current_thread")]
        /// # async fn main() -> Result<(), Error> {
        #[doc = concat!("let server = ", $builder)]
        ///     .transports([HttpTransportType::WebSockets, HttpTransportType::LongPolling])
        ///     .build()?;
        /// # Ok(())
        /// # }
        /// ```
        pub fn transports(
            mut self,
            offered: impl IntoIterator<Item = $crate::HttpTransportType>,
        ) -> Self {
            self.http().transports = offered.into_iter().collect();
            self
        }

        /// A poll that has waited this long is answered empty, and the client polls again. Default: 90 s.
        ///
        /// Keep it below the clients' own time-out for a request, which is 100 s in JavaScript and 120 s in .NET.
        pub fn poll_timeout(mut self, timeout: Duration) -> Self {
            self.http().poll_timeout = timeout;
            self
        }

        /// How long a negotiated connection may wait to be opened, one with long polling be without a poll, and one with stateful
        /// reconnect without a socket. Default: 15 s.
        pub fn disconnect_timeout(mut self, timeout: Duration) -> Self {
            self.http().disconnect_timeout = timeout;
            self
        }

        /// How many bytes of one connection's POST requests wait to be read before further ones have to wait. Default: 65,536.
        ///
        /// For Server-Sent Events and long polling; from a socket nothing is read before there is room.
        pub fn receive_queue_limit(mut self, bytes: usize) -> Self {
            self.http().receive_queue_limit = bytes;
            self
        }

        /// The largest body of a POST request, which may hold many messages. Default: 30,000,000 bytes. Beyond, the answer is 413.
        pub fn max_body_size(mut self, bytes: u64) -> Self {
            self.http().max_body_size = bytes;
            self
        }

        /// Lets pages of these origins connect, with their cookies. Default: none, only pages of the server's own origin.
        ///
        /// A page of any other origin is refused with 403 and a text that names it, on every transport and when it negotiates. What is
        /// not sent by a page has no origin, and always passes.
        ///
        /// An origin is what browsers send as `Origin`: scheme, host, and the port unless it is the scheme's own.
        /// `https://*.example.com` stands for all hosts below `example.com`. For the listed origins the server answers pre-flight
        /// requests and adds the CORS headers that browsers ask for; see [`cors_headers`](Self::cors_headers).
        ///
        /// The server's own origin is the host that the request names, so a proxy must pass `Host` on; otherwise list the origin that
        /// users see.
        ///
        /// # Example
        ///
        /// ```
        #[doc = $uses]
        /// # use signalr::Error;
        /// # #[tokio::main(flavor = "current_thread")]
        /// # async fn main() -> Result<(), Error> {
        #[doc = concat!("let server = ", $builder)]
        ///     .allow_origins(["https://app.example.com", "http://localhost:3000"])
        ///     .build()?;
        /// # Ok(())
        /// # }
        /// ```
        pub fn allow_origins<S: AsRef<str>>(
            mut self,
            origins: impl IntoIterator<Item = S>,
        ) -> Self {
            self.http().origins = $crate::endpoint::Origins::listed(origins);
            self
        }

        /// Lets every page connect, wherever it comes from. Default: see [`allow_origins`](Self::allow_origins), which this replaces.
        ///
        /// Any page that a user visits can then act with that user's cookies. It is for servers that know their users by a token, or
        /// not at all.
        pub fn allow_any_origin(mut self) -> Self {
            self.http().origins = $crate::endpoint::Origins::Any;
            self
        }

        /// Answers pre-flight requests and adds CORS headers for the origins that are allowed. Default: on.
        ///
        /// Switch it off where something in front of the server does that and does not replace headers that are there: a browser does
        /// not take two of them. tower-http's `CorsLayer` replaces them. Origins are checked all the same, since nothing else does that
        /// for WebSockets.
        ///
        /// What is in front must answer pre-flight requests (`OPTIONS`) itself then, before they come here: they get 405, and 401 where
        /// [`authorize`](Self::authorize) asks for a token, as browsers send none with them. `CorsLayer` answers them.
        pub fn cors_headers(mut self, on: bool) -> Self {
            self.http().cors_headers = on;
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
        /// Leave this off there. Messages do not tell on each other: nothing is kept from one to the next.
        ///
        /// Inflating is work that clients can ask for with few bytes: of what the network brings a thousand times as much may have to be
        /// read, and where messages may have any size it is memory, too.
        #[cfg(feature = "deflate")]
        pub fn compression(mut self, on: bool) -> Self {
            self.http().compression = on;
            self
        }

        /// Asks, before all else, who a request comes from. Default: nobody is asked, and everybody may connect.
        ///
        /// Called for every request of a connection, whatever its transport: negotiation, each poll, each POST. It must not block; where
        /// it has to wait for something, authorize in middleware instead, which puts the [`Identity`](crate::Identity) into the request's
        /// extensions.
        ///
        /// # Example
        ///
        /// ```
        #[doc = $uses]
        /// # use signalr::Error;
        /// use signalr::{Denied, Identity, access_token};
        ///
        /// # #[tokio::main(flavor = "current_thread")]
        /// # async fn main() -> Result<(), Error> {
        #[doc = concat!("let server = ", $builder)]
        ///     .authorize(|request| match access_token(request).as_deref() {
        ///         Some("the token of ann") => Ok(Identity::user("ann")),
        ///         Some(_) => Err(Denied::Forbidden),
        ///         None => Err(Denied::Unauthorized),
        ///     })
        ///     .build()?;
        /// # Ok(())
        /// # }
        /// ```
        pub fn authorize(
            mut self,
            check: impl Fn(&http::request::Parts) -> Result<$crate::Identity, $crate::Denied>
            + Send
            + Sync
            + 'static,
        ) -> Self {
            self.http().authorize = Some($crate::endpoint::Authorize::new(check));
            self
        }

        /// Ends a connection in order when its [`Identity`](crate::Identity) expires, so that its client comes back with a new token.
        /// Default: off, whoever is in stays in.
        ///
        /// The newest poll counts where the client polls. Checked once a second, or ten times in the shortest of the server's time-outs.
        pub fn close_on_expiration(mut self, on: bool) -> Self {
            self.http().close_on_expiration = on;
            self
        }

        /// How many negotiated connections may wait to be opened. Default: 1,000. Beyond, negotiate answers 429.
        ///
        /// One that is not opened within [`disconnect_timeout`](Self::disconnect_timeout) is forgotten.
        pub fn max_negotiations(mut self, connections: usize) -> Self {
            self.http().max_negotiations = connections;
            self
        }

        /// The lowest version of the negotiation that clients may ask for: with 1, every connection has a secret token. Default: 0.
        pub fn min_negotiate_version(mut self, version: i32) -> Self {
            self.http().min_negotiate_version = version;
            self
        }
    };
}

pub(crate) use http_settings;
