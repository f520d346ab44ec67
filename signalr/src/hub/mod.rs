//! What a hub is, seen from a hub method and from its expansion. Knows no socket: the server stands behind two small traits.

mod call;
mod clients;
mod context;
mod convert;
mod groups;
mod hub_context;
mod items;
mod method;
mod outgoing;
mod port;
mod source;
mod targets;

pub(crate) use crate::connection::{ConnectionId, HttpTransportType};
pub use call::Call;
pub use clients::{CallerClients, Clients};
pub use context::{Connecting, Context};
pub use convert::IntoHubError;
pub use groups::Groups;
pub use hub_context::HubContext;
pub use items::Items;
pub use method::{Hub, Kind, Method, Run};
pub use outgoing::{Invoking, OutboundMessage, Sending};
pub use port::Recipients;
pub(crate) use port::{Lifetime, Link};
pub(crate) use source::HubSource;
pub use targets::{Contract, Many, Single, Target, Untyped};
pub(crate) use {context::ConnectionParts, method::find_duplicate};
