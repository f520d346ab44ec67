//! What the hub layer needs of the server, and no more.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use super::{ConnectionId, HttpTransportType, Items, OutboundMessage};
use crate::{
    connection::{Answer, BoxFuture},
    error::Error,
    packet::Draft,
    protocol::HubProtocol,
};

/// One connection, as its hub sees it.
pub(crate) trait Link: Send + Sync {
    fn id(&self) -> &ConnectionId;
    fn user_id(&self) -> Option<&str>;
    fn request(&self) -> &http::request::Parts;
    fn query(&self, name: &str) -> Option<String>;
    fn cookie(&self, name: &str) -> Option<&str>;
    /// `None`: a byte stream without HTTP.
    fn transport(&self) -> Option<HttpTransportType>;
    fn peer_addr(&self) -> Option<SocketAddr>;
    fn local_addr(&self) -> Option<SocketAddr>;
    fn items(&self) -> &Items;
    fn protocol(&self) -> HubProtocol;
    /// Queues behind everything queued before; never waits, for what the connection itself answers.
    fn write(&self, draft: Draft);
    /// As [`write`](Self::write), for one of many: what to wait for before the next should be written; `None`: nothing.
    fn write_item(&self, draft: Draft) -> Option<BoxFuture<()>>;
    fn close(&self, error: Option<String>, allow_reconnect: bool);
    fn abort(&self);
    fn is_aborted(&self) -> bool;
    fn aborted(self: Arc<Self>) -> BoxFuture<()>;
}

/// Sends and groups, for all connections of a hub.
pub(crate) trait Lifetime: Send + Sync {
    /// The protocols that a message must be encoded in.
    fn protocols(&self, to: &Recipients) -> &[HubProtocol];
    fn send(&self, to: Recipients, message: OutboundMessage) -> BoxFuture<Result<(), Error>>;
    fn join(&self, connection: ConnectionId, group: Arc<str>) -> BoxFuture<Result<(), Error>>;
    fn leave(&self, connection: ConnectionId, group: Arc<str>) -> BoxFuture<Result<(), Error>>;
    /// The id for the next call to a client.
    fn next_call(&self) -> String;
    /// Sends a call to one client; `answer` is called once, unless the call is forgotten.
    fn call(
        &self,
        id: String,
        to: ConnectionId,
        message: OutboundMessage,
        answer: Answer,
    ) -> BoxFuture<Result<(), Error>>;
    /// Completes after a while.
    fn sleep(&self, time: Duration) -> BoxFuture<()>;
    /// Nobody waits for this call any more.
    fn forget_call(&self, id: &str);
}

/// Who gets a message.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Recipients {
    /// Every connection of the hub.
    All,
    /// Every connection but these.
    AllExcept(Vec<ConnectionId>),
    /// One connection.
    Connection(ConnectionId),
    /// These connections, each once.
    Connections(Vec<ConnectionId>),
    /// The members of a group.
    Group(Arc<str>),
    /// The members of a group but these connections.
    GroupExcept(Arc<str>, Vec<ConnectionId>),
    /// The members of each group; a member of two gets two copies.
    Groups(Vec<Arc<str>>),
    /// All connections of a user.
    User(Arc<str>),
    /// All connections of these users, each once.
    Users(Vec<Arc<str>>),
}
