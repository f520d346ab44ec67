//! How a message finds its recipients: in this process, or in several.

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use crate::{
    connection::BoxFuture,
    error::Error,
    hub::{ConnectionId, OutboundMessage, Recipients},
};

/// Carries sends and group changes to wherever the connections are; ASP.NET Core's hub lifetime manager.
///
/// The server asks it for everything. [`Local`], the default, hands all to the connections of this process; an implementation for
/// several processes hands its part to [`LocalConnections`] and publishes the rest.
///
/// # Example
///
/// A backplane that counts:
///
/// ```
/// use std::{future::Future, pin::Pin, sync::atomic::{AtomicUsize, Ordering}};
/// use signalr::{Backplane, ConnectionId, Error, Local, LocalConnections, OutboundMessage, Recipients};
///
/// type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;
///
/// #[derive(Default)]
/// struct Counting { local: Local, sends: AtomicUsize }
///
/// impl Backplane for Counting {
///     fn attach(&self, local: LocalConnections) {
///         self.local.attach(local);
///     }
///     fn send(&self, to: Recipients, message: OutboundMessage) -> BoxFuture<Result<(), Error>> {
///         self.sends.fetch_add(1, Ordering::Relaxed);
///         self.local.send(to, message)
///     }
///     fn join(&self, connection: ConnectionId, group: std::sync::Arc<str>) -> BoxFuture<Result<(), Error>> {
///         self.local.join(connection, group)
///     }
///     fn leave(&self, connection: ConnectionId, group: std::sync::Arc<str>) -> BoxFuture<Result<(), Error>> {
///         self.local.leave(connection, group)
///     }
/// }
/// ```
pub trait Backplane: Send + Sync + 'static {
    /// Called once, before everything else, with the connections of this process.
    fn attach(&self, local: LocalConnections);

    /// A connection is there; called before its `on_connected`.
    ///
    /// An error refuses the connection.
    fn connected(
        &self,
        connection: &ConnectionId,
        user: Option<&str>,
    ) -> BoxFuture<Result<(), Error>> {
        let _ = (connection, user);
        Box::pin(std::future::ready(Ok(())))
    }

    /// A connection has gone; called after its `on_disconnected`.
    fn disconnected(&self, connection: &ConnectionId, user: Option<&str>) -> BoxFuture<()> {
        let _ = (connection, user);
        Box::pin(std::future::ready(()))
    }

    /// Sends a message.
    fn send(&self, to: Recipients, message: OutboundMessage) -> BoxFuture<Result<(), Error>>;

    /// Puts a connection into a group.
    fn join(&self, connection: ConnectionId, group: Arc<str>) -> BoxFuture<Result<(), Error>>;

    /// Takes a connection out of a group.
    fn leave(&self, connection: ConnectionId, group: Arc<str>) -> BoxFuture<Result<(), Error>>;
}

/// The connections of one server in this process.
#[derive(Clone)]
pub struct LocalConnections(Arc<dyn Delivery>);

/// What [`LocalConnections`] needs of the server.
pub(crate) trait Delivery: Send + Sync {
    fn deliver(&self, to: Recipients, message: OutboundMessage) -> BoxFuture<Result<(), Error>>;
    fn join(&self, connection: &ConnectionId, group: &Arc<str>) -> bool;
    fn leave(&self, connection: &ConnectionId, group: &str) -> bool;
}

impl LocalConnections {
    #[cfg_attr(
        not(feature = "server"),
        expect(dead_code, reason = "made by the server")
    )]
    pub(crate) fn new(delivery: Arc<dyn Delivery>) -> Self {
        Self(delivery)
    }

    /// Queues a message for those recipients that are connected here; completes when every queue has taken it.
    ///
    /// # Errors
    /// None; fallible so that [`Backplane::send`] can return it as it is.
    pub fn deliver(
        &self,
        to: Recipients,
        message: OutboundMessage,
    ) -> BoxFuture<Result<(), Error>> {
        self.0.deliver(to, message)
    }

    /// Puts a connection into a group; `false` if it is not connected here.
    pub fn join(&self, connection: &ConnectionId, group: &Arc<str>) -> bool {
        self.0.join(connection, group)
    }

    /// Takes a connection out of a group; `false` if it is not connected here.
    pub fn leave(&self, connection: &ConnectionId, group: &str) -> bool {
        self.0.leave(connection, group)
    }
}

impl fmt::Debug for LocalConnections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LocalConnections")
    }
}

/// The backplane of a single process: everything is here.
#[derive(Debug, Default)]
pub struct Local(OnceLock<LocalConnections>);

impl Local {
    /// A backplane without connections; the server attaches its own.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl Backplane for Local {
    fn attach(&self, local: LocalConnections) {
        self.0.get_or_init(|| local);
    }

    fn send(&self, to: Recipients, message: OutboundMessage) -> BoxFuture<Result<(), Error>> {
        match self.0.get() {
            Some(local) => local.deliver(to, message),
            None => Box::pin(std::future::ready(Ok(()))),
        }
    }

    fn join(&self, connection: ConnectionId, group: Arc<str>) -> BoxFuture<Result<(), Error>> {
        if let Some(local) = self.0.get() {
            local.join(&connection, &group);
        }
        Box::pin(std::future::ready(Ok(())))
    }

    fn leave(&self, connection: ConnectionId, group: Arc<str>) -> BoxFuture<Result<(), Error>> {
        if let Some(local) = self.0.get() {
            local.leave(&connection, &group);
        }
        Box::pin(std::future::ready(Ok(())))
    }
}
