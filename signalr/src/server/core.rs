//! What all connections of a server share, whatever the hub's type.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::AtomicU64};

use super::{
    connection::Connection,
    options::Options,
    registry::{Registry, RegistryDelivery},
};
use crate::{
    backplane::{Backplane, LocalConnections},
    connection::Calls,
    endpoint::Front,
    error::Kind,
    hub::{ConnectionId, Link},
};

pub(super) type UserId = Box<dyn Fn(&http::request::Parts) -> Option<String> + Send + Sync>;

/// The server behind its hub.
pub(super) struct Core {
    pub(super) front: Arc<Front<Connection>>,
    pub(super) registry: Arc<Registry>,
    pub(super) backplane: Box<dyn Backplane>,
    pub(super) user_id: Option<UserId>,
    calls: Mutex<Calls<ConnectionId>>,
    pub(super) next_call: AtomicU64,
}

impl Core {
    pub(super) fn new(
        options: Options,
        backplane: Box<dyn Backplane>,
        user_id: Option<UserId>,
    ) -> Self {
        let heartbeat = options.heartbeat();
        let registry = Arc::new(Registry::default());
        let delivery = RegistryDelivery(Arc::clone(&registry));
        backplane.attach(LocalConnections::new(Arc::new(delivery)));
        Self {
            front: Arc::new(Front::new(options, heartbeat)),
            registry,
            backplane,
            user_id,
            calls: Mutex::new(Calls::new()),
            next_call: AtomicU64::new(1),
        }
    }

    /// Calls to clients that wait for an answer.
    pub(super) fn calls(&self) -> MutexGuard<'_, Calls<ConnectionId>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Milliseconds on the server's clock, which moves with the heartbeat.
    pub(super) fn now(&self) -> u64 {
        self.front.now()
    }

    pub(super) fn options(&self) -> &Options {
        &self.front.options
    }

    /// Forgets a connection whose task ends.
    pub(super) fn forget(&self, connection: &Connection) {
        connection.outbox.drain(|_| {});
        self.registry.remove(connection);
        self.abandon_calls(connection.id());
    }

    /// Calls that wait for a connection that has gone will not be answered.
    pub(super) fn abandon_calls(&self, id: &ConnectionId) {
        let abandoned = self.calls().abandon(id);
        for answer in abandoned {
            let text = format!("Connection '{id}' disconnected.");
            answer(Err(Kind::NotConnected(text.into()).into()));
        }
    }
}
