//! Options of a server, one sentence each.

use std::{fmt, time::Duration};

use super::{
    core::{Core, UserId},
    hub_server::HubServer,
    methods::Methods,
    options::Options,
};
use crate::{
    backplane::{Backplane, Local},
    endpoint::{HttpOptions, http_settings},
    error::Error,
    hub::{Hub, HubSource},
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

    /// How many ordinary calls of one connection run at the same time. Default: 1, so that they run in order.
    ///
    /// Streaming calls and calls with uploads do not count, and neither do calls, up to 100, that have asked a client something: the
    /// answer may need further calls. Those wait otherwise, up to 64 KiB of them; then reading stops. Where it
    /// may not, as an answer is waited for, further calls are refused; messages, whose senders would not learn of that, may wait up to
    /// 1 MiB, and one more ends the connection.
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

    /// Lets clients that ask for it go on with a connection whose WebSocket was lost, on another one. Default: off.
    ///
    /// Nothing is lost or doubled then: both ends keep what they have sent until it is acknowledged, once a second, and repeat it. The
    /// hub notices nothing: the connection keeps its id, its groups, its calls and its streams, and no lifecycle method runs. A
    /// connection that has been without a socket for [`disconnect_timeout`](Self::disconnect_timeout) ends.
    ///
    /// It is for WebSockets that were negotiated; clients ask for it with `withStatefulReconnect` or something like it. A client that
    /// ends its connection in order, is sent a Close message, or does not take what is written within
    /// [`send_timeout`](Self::send_timeout) does not come back this way.
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
    /// let server = HubServer::builder(Chat).stateful_reconnect(true).build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn stateful_reconnect(mut self, on: bool) -> Self {
        self.options.http.stateful_reconnect = on;
        self
    }

    /// How many bytes of sent messages may wait to be acknowledged on a connection with
    /// [`stateful_reconnect`](Self::stateful_reconnect) before further ones wait. Default: 100,000. One packet may exceed the limit.
    ///
    /// Official clients acknowledge once a second, so this is about what one of them can be sent in a second. A client that
    /// acknowledges nothing for [`send_timeout`](Self::send_timeout) while something waits is disconnected.
    pub fn stateful_reconnect_buffer(mut self, bytes: usize) -> Self {
        self.options.stateful_reconnect_buffer = bytes;
        self
    }

    http_settings!(
        "# use signalr::{HubServer, hub};\n# struct Chat;\n# #[hub]\n# impl Chat {}",
        "HubServer::builder(Chat)"
    );

    fn http(&mut self) -> &mut HttpOptions {
        &mut self.options.http
    }

    /// Names the user of a connection, once, from its HTTP request. Default: who its [`Identity`](crate::Identity) says, if it has one.
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
