//! One connection, as its hub methods see it.

use std::{
    fmt,
    net::SocketAddr,
    ops::Deref,
    sync::{Arc, OnceLock},
};

use super::{
    CallerClients, ConnectionId, Groups, HttpTransportType, Hub, HubSource, Items, Lifetime, Link,
};
use crate::{error::Error, hub_error::HubError, protocol::HubProtocol};

/// A connection, before and after its session exists.
///
/// [`Hub::on_connected`](super::Hub::on_connected) gets it as it is, hub methods through [`Context`], which adds the session. Cheap to
/// clone. Kept beyond the connection it stays readable; what is sent through it then goes nowhere.
pub struct Connecting<H: Hub> {
    parts: Arc<ConnectionParts<H>>,
    /// Client results cannot arrive before the first message is read.
    denied: Option<&'static str>,
}

/// What all calls of a connection share.
pub(crate) struct ConnectionParts<H: Hub> {
    link: Arc<dyn Link>,
    lifetime: Arc<dyn Lifetime>,
    groups: Groups,
    source: Arc<HubSource<H>>,
    session: OnceLock<H::Session>,
    hub: OnceLock<Arc<H>>,
}

impl<H: Hub> ConnectionParts<H> {
    pub(crate) fn new(
        link: Arc<dyn Link>,
        lifetime: Arc<dyn Lifetime>,
        source: Arc<HubSource<H>>,
    ) -> Self {
        Self {
            link,
            groups: Groups::new(Arc::clone(&lifetime)),
            lifetime,
            source,
            session: OnceLock::new(),
            hub: OnceLock::new(),
        }
    }
}

impl<H: Hub> Connecting<H> {
    pub(crate) fn new(parts: Arc<ConnectionParts<H>>) -> Self {
        let denied = Some("Client results inside OnConnectedAsync Hub methods are not allowed.");
        Self { parts, denied }
    }

    /// Runs `on_connected`; the context for calls comes out of it.
    ///
    /// # Errors
    /// The hub's factory fails, or the hub refuses the connection.
    pub(crate) async fn connect(self) -> Result<Context<H>, HubError> {
        let hub = self.hub().await?;
        let session = hub.on_connected(&self).await?;
        self.parts.session.get_or_init(|| session);
        let Self { parts, .. } = self;
        let denied = None;
        Ok(Context(Self { parts, denied }))
    }

    /// The connection's public id.
    #[must_use]
    pub fn connection_id(&self) -> &ConnectionId {
        self.parts.link.id()
    }

    /// The user, as the server's [`user_id`](crate::HubServerBuilder::user_id) option named it.
    #[must_use]
    pub fn user_id(&self) -> Option<&str> {
        self.parts.link.user_id()
    }

    /// The HTTP request that opened the connection: method, URI, HTTP version, headers, and the extensions that middleware has set.
    ///
    /// With long polling it is the first poll, for as long as the connection lives. A connection without HTTP (see
    /// [`serve_connection`](crate::HubServer::serve_connection)) has an empty `GET /`.
    ///
    /// Whoever asks for it first makes the connection take some memory more, about 1 KB; [`query`](Self::query),
    /// [`cookie`](Self::cookie), [`peer_addr`](Self::peer_addr) and [`local_addr`](Self::local_addr) do without.
    #[must_use]
    pub fn request(&self) -> &http::request::Parts {
        self.parts.link.request()
    }

    /// A parameter of the query of [`request`](Self::request), with its escapes undone. Letter case does not matter in its name.
    #[must_use]
    pub fn query(&self, name: &str) -> Option<String> {
        self.parts.link.query(name)
    }

    /// A cookie of [`request`](Self::request), as the client sent it.
    #[must_use]
    pub fn cookie(&self, name: &str) -> Option<&str> {
        self.parts.link.cookie(name)
    }

    /// What carries the connection; `None` for a byte stream without HTTP.
    #[must_use]
    pub fn transport(&self) -> Option<HttpTransportType> {
        self.parts.link.transport()
    }

    /// The other end of the socket, where the host tells it: see [`PeerAddr`](crate::PeerAddr).
    #[must_use]
    pub fn peer_addr(&self) -> Option<SocketAddr> {
        self.parts.link.peer_addr()
    }

    /// Our end of the socket, where the host tells it: see [`LocalAddr`](crate::LocalAddr).
    #[must_use]
    pub fn local_addr(&self) -> Option<SocketAddr> {
        self.parts.link.local_addr()
    }

    /// The protocol that the client has chosen.
    #[must_use]
    pub fn protocol(&self) -> HubProtocol {
        self.parts.link.protocol()
    }

    /// Values of any type that live as long as the connection.
    #[must_use]
    pub fn items(&self) -> &Items {
        self.parts.link.items()
    }

    /// The hub's clients, with those named by this connection.
    #[must_use]
    pub fn clients(&self) -> CallerClients<H::Client> {
        CallerClients::new(
            Arc::clone(&self.parts.lifetime),
            self.connection_id().clone(),
            self.denied,
        )
    }

    /// The hub's groups, for any connection.
    #[must_use]
    pub fn groups(&self) -> &Groups {
        &self.parts.groups
    }

    /// Puts this connection into a group.
    ///
    /// # Errors
    /// The backplane fails; the built-in one does not.
    pub async fn join(&self, group: impl AsRef<str>) -> Result<(), Error> {
        self.parts.groups.add(self.connection_id(), group).await
    }

    /// Takes this connection out of a group.
    ///
    /// # Errors
    /// The backplane fails; the built-in one does not.
    pub async fn leave(&self, group: impl AsRef<str>) -> Result<(), Error> {
        self.parts.groups.remove(self.connection_id(), group).await
    }

    /// Ends the connection at once: the client gets a bare Close message and does not reconnect.
    ///
    /// Returns immediately; later sends to this connection are dropped silently.
    pub fn abort(&self) {
        self.parts.link.abort();
    }

    /// Ends the connection with a Close message that carries a reason, after everything that was sent before.
    ///
    /// A client with automatic reconnect comes back only if `allow_reconnect` says so.
    pub fn close(&self, reason: Option<&str>, allow_reconnect: bool) {
        let reason = reason.map(str::to_owned);
        self.parts.link.close(reason, allow_reconnect);
    }

    /// Whether the connection has ended or is ending.
    #[must_use]
    pub fn is_aborted(&self) -> bool {
        self.parts.link.is_aborted()
    }

    /// Completes when the connection ends, for work that outlives the call.
    ///
    /// A call needs no such watch: its future is dropped with the connection. The returned future borrows nothing.
    pub fn aborted(&self) -> impl Future<Output = ()> + Send + 'static + use<H> {
        Arc::clone(&self.parts.link).aborted()
    }

    pub(crate) fn link(&self) -> &dyn Link {
        &*self.parts.link
    }

    /// The hub value that all connections share, if they do.
    pub(super) fn shared_hub(&self) -> Option<&Arc<H>> {
        match &*self.parts.source {
            HubSource::Shared(hub) => Some(hub),
            HubSource::PerConnection(_) | HubSource::PerCall(_) => None,
        }
    }

    pub(crate) async fn hub(&self) -> Result<Arc<H>, HubError> {
        self.parts.source.get(self).await
    }

    pub(super) fn hub_of_connection(&self) -> &OnceLock<Arc<H>> {
        &self.parts.hub
    }
}

impl<H: Hub> Clone for Connecting<H> {
    fn clone(&self) -> Self {
        Self {
            parts: Arc::clone(&self.parts),
            denied: self.denied,
        }
    }
}

impl<H: Hub> fmt::Debug for Connecting<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Connecting({}, {})", H::NAME, self.connection_id())
    }
}

/// The call's context: everything of [`Connecting`], and the session.
///
/// A hub method takes it as its first argument, `cx: &Context<Self>`.
///
/// # Example
///
/// ```
/// use signalr::{Connecting, Context, HubError, hub};
///
/// struct Session { name: String }
///
/// struct Greeter;
///
/// #[hub]
/// impl Greeter {
///     async fn on_connected(&self, cx: &Connecting<Self>) -> Result<Session, HubError> {
///         let name = cx.request().uri.query().unwrap_or("stranger").to_owned();
///         Ok(Session { name })
///     }
///
///     pub fn greet(&self, cx: &Context<Self>) -> String {
///         format!("hello {}", cx.session().name)
///     }
/// }
/// ```
pub struct Context<H: Hub>(Connecting<H>);

impl<H: Hub> Context<H> {
    /// The connection's session, as `on_connected` made it.
    #[must_use]
    #[expect(
        clippy::missing_panics_doc,
        reason = "a context is made after the session"
    )]
    pub fn session(&self) -> &H::Session {
        let session = self.0.parts.session.get();
        session.expect("a context is made after the session")
    }

    /// Runs `on_disconnected`.
    pub(crate) async fn disconnect(self, reason: Option<Error>) -> Result<(), HubError> {
        let hub = self.hub().await?;
        hub.on_disconnected(&self, reason.as_ref()).await;
        Ok(())
    }
}

impl<H: Hub> Deref for Context<H> {
    type Target = Connecting<H>;

    fn deref(&self) -> &Connecting<H> {
        &self.0
    }
}

impl<H: Hub> Clone for Context<H> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<H: Hub> fmt::Debug for Context<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Context({}, {})", H::NAME, self.connection_id())
    }
}
