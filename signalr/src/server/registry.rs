//! Which connections there are, and their groups and users. The only file that locks those maps; no lock is held while sending.

use std::{
    collections::{HashMap, HashSet, hash_map::RandomState},
    hash::{BuildHasher, Hash},
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use super::connection::{Connection, Membership};
use crate::{
    backplane::Delivery,
    connection::{BoxFuture, Turn},
    error::Error,
    hub::{ConnectionId, Link, OutboundMessage, Recipients},
    protocol::HubProtocol,
};

const SHARDS: usize = 16;

/// The connections of one hub that have passed the handshake.
#[derive(Default)]
pub(super) struct Registry {
    connections: Sharded<ConnectionId, Arc<Connection>>,
    groups: Sets,
    users: Sets,
}

impl Registry {
    /// From here on broadcasts reach the connection.
    pub(super) fn add(&self, connection: &Arc<Connection>) {
        let id = connection.id().clone();
        self.connections
            .write(&id)
            .insert(id, Arc::clone(connection));
        if let Some(user) = connection.user() {
            self.users.add(user, connection);
        }
    }

    /// Forgets a connection; costs as much as it had groups.
    pub(super) fn remove(&self, connection: &Connection) {
        let groups = {
            let mut membership = lock(&connection.membership);
            membership.closed = true;
            std::mem::take(&mut membership.groups)
        };
        for group in groups.into_iter().flat_map(|groups| *groups) {
            self.groups.remove(&group, connection);
        }
        if let Some(user) = connection.user() {
            self.users.remove(user, connection);
        }
        self.connections
            .write(connection.id())
            .remove(connection.id());
    }

    /// How many connections and groups there are.
    pub(super) fn counts(&self) -> (usize, usize) {
        (self.connections.len(), self.groups.0.len())
    }

    /// Why a connection cannot answer, in the reference's words; `None` if it can.
    pub(super) fn why_unreachable(&self, id: &str) -> Option<String> {
        match self.find(id) {
            None => Some(format!("Connection '{id}' does not exist.")),
            Some(connection) if connection.outbox.is_ended() => {
                Some(format!("Connection '{id}' disconnected."))
            }
            Some(_) => None,
        }
    }

    /// What a connection speaks.
    pub(super) fn protocol(&self, id: &str) -> Option<HubProtocol> {
        let shard = self.connections.read(id);
        shard.get(id).map(|connection| connection.protocol())
    }

    fn find(&self, id: &str) -> Option<Arc<Connection>> {
        self.connections.read(id).get(id).cloned()
    }

    /// Whom a message is for, collected under the locks and returned without them.
    fn select(&self, to: &Recipients) -> Vec<Arc<Connection>> {
        let not_in = |ids: &[ConnectionId]| {
            let ids: HashSet<_> = ids.iter().cloned().collect();
            move |connection: &Arc<Connection>| !ids.contains(connection.id())
        };
        match to {
            Recipients::All => self.connections.values(),
            Recipients::AllExcept(ids) => {
                let mut all = self.connections.values();
                all.retain(not_in(ids));
                all
            }
            Recipients::Connection(id) => self.find(id).into_iter().collect(),
            Recipients::Connections(ids) => unique(ids).filter_map(|id| self.find(id)).collect(),
            Recipients::Group(name) => self.groups.members(name),
            Recipients::GroupExcept(name, ids) => {
                let mut members = self.groups.members(name);
                members.retain(not_in(ids));
                members
            }
            // A member of two listed groups gets two copies (SV-73).
            Recipients::Groups(names) => names
                .iter()
                .flat_map(|name| self.groups.members(name))
                .collect(),
            Recipients::User(id) => self.users.members(id),
            Recipients::Users(ids) => unique(ids).flat_map(|id| self.users.members(id)).collect(),
        }
    }
}

fn unique<T: Eq + Hash>(items: &[T]) -> impl Iterator<Item = &T> {
    let mut seen = HashSet::with_capacity(items.len());
    items.iter().filter(move |item| seen.insert(*item))
}

/// [`Registry`] behind the backplane.
pub(super) struct RegistryDelivery(pub(super) Arc<Registry>);

impl Delivery for RegistryDelivery {
    /// Starts the write to every recipient, then waits for those whose queue was full, all at once: a slow client delays the
    /// sender and nobody else (SV-93).
    fn deliver(&self, to: Recipients, message: OutboundMessage) -> BoxFuture<Result<(), Error>> {
        let registry = Arc::clone(&self.0);
        Box::pin(async move {
            let mut slow: Vec<Turn> = Vec::new();
            for connection in registry.select(&to) {
                // A connection whose protocol nobody spoke when the message was encoded has joined after the send began.
                if let Some(packet) = message.packet(connection.protocol()) {
                    slow.extend(connection.outbox.send(packet.clone()));
                }
            }
            for turn in slow {
                // An error says that the connection has ended meanwhile.
                turn.await.ok();
            }
            // A hub method that sends in a loop to clients that have gone would never wait, and its connection never end.
            tokio::task::consume_budget().await;
            Ok(())
        })
    }

    fn join(&self, connection: &ConnectionId, group: &Arc<str>) -> bool {
        let Some(connection) = self.0.find(connection) else {
            return false;
        };
        let mut membership = lock(&connection.membership);
        if membership.closed {
            return true;
        }
        let groups = membership.groups.get_or_insert_default();
        if groups.insert(Arc::clone(group)) {
            self.0.groups.add(group, &connection);
        }
        true
    }

    fn leave(&self, connection: &ConnectionId, group: &str) -> bool {
        let Some(connection) = self.0.find(connection) else {
            return false;
        };
        let mut membership = lock(&connection.membership);
        let groups = membership.groups.as_mut();
        if groups.is_some_and(|groups| groups.remove(group)) {
            self.0.groups.remove(group, &connection);
        }
        true
    }
}

/// Lock order: a connection's membership first, then a shard.
fn lock(membership: &Mutex<Membership>) -> MutexGuard<'_, Membership> {
    membership.lock().unwrap_or_else(PoisonError::into_inner)
}

type Members = HashMap<u64, Arc<Connection>>;

/// Named sets of connections; a set lives as long as it has a member.
#[derive(Default)]
struct Sets(Sharded<Arc<str>, Members>);

impl Sets {
    fn add(&self, name: &Arc<str>, connection: &Arc<Connection>) {
        let mut shard = self.0.write(name);
        let members = shard.entry(Arc::clone(name)).or_default();
        members.insert(connection.key, Arc::clone(connection));
    }

    fn remove(&self, name: &str, connection: &Connection) {
        let mut shard = self.0.write(name);
        if let Some(members) = shard.get_mut(name) {
            members.remove(&connection.key);
            if members.is_empty() {
                shard.remove(name);
            }
        }
    }

    fn members(&self, name: &str) -> Vec<Arc<Connection>> {
        let shard = self.0.read(name);
        let members = shard.get(name);
        members.map_or_else(Vec::new, |members| members.values().cloned().collect())
    }
}

/// A map in several parts, so that threads seldom meet. Keys come from clients: the hasher is keyed at random.
struct Sharded<K, V> {
    shards: [RwLock<HashMap<K, V>>; SHARDS],
    hasher: RandomState,
}

impl<K, V> Default for Sharded<K, V> {
    fn default() -> Self {
        Self {
            shards: std::array::from_fn(|_| RwLock::default()),
            hasher: RandomState::new(),
        }
    }
}

impl<K: Eq + Hash, V: Clone> Sharded<K, V> {
    fn shard(&self, key: &str) -> &RwLock<HashMap<K, V>> {
        let index = self.hasher.hash_one(key) % SHARDS as u64;
        &self.shards[usize::try_from(index).expect("there are few shards")]
    }

    fn read(&self, key: &str) -> RwLockReadGuard<'_, HashMap<K, V>> {
        self.shard(key)
            .read()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, key: &str) -> RwLockWriteGuard<'_, HashMap<K, V>> {
        self.shard(key)
            .write()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn each(&self, mut visit: impl FnMut(&HashMap<K, V>)) {
        for shard in &self.shards {
            visit(&shard.read().unwrap_or_else(PoisonError::into_inner));
        }
    }

    fn len(&self) -> usize {
        let mut count = 0;
        self.each(|shard| count += shard.len());
        count
    }

    fn values(&self) -> Vec<V> {
        let mut values = Vec::new();
        self.each(|shard| values.extend(shard.values().cloned()));
        values
    }
}
