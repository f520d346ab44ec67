#![doc = include_str!("../../README.md")]
// A contract crate has neither server nor client: what only they use of the shared modules is idle there.
#![cfg_attr(
    not(feature = "server"),
    allow(dead_code, unused_imports, reason = "used by the server")
)]

// The expansions of our own macros in documentation and tests say `::signalr`.
extern crate self as signalr;

mod backplane;
mod connection;
mod error;
mod hub;
mod hub_error;
mod packet;
mod protocol;
#[cfg(feature = "server")]
mod server;
#[cfg(feature = "server")]
mod transport;

#[cfg(feature = "__test")]
#[doc(hidden)]
pub mod __fuzz;
#[doc(hidden)]
pub mod __private;
/// The name that expansions use: it carries the version, so a macro crate of another version fails to compile instead of misbehaving.
#[doc(hidden)]
pub use __private as __private_0_1_0;

// what a hub is
#[cfg(feature = "macros")]
pub use signalr_macros::{hub, receiver};
pub use {
    connection::Receiver,
    hub::{
        Connecting, ConnectionId, Context, HttpTransportType, Hub, HubContext, Items, Kind, Method,
    },
    hub_error::HubError,
};

#[doc(no_inline)]
pub use tokio_util::sync::CancellationToken;

// calling clients
pub use {
    connection::Callbacks,
    hub::{
        CallerClients, Clients, Contract, Groups, Invoking, Many, Sending, Single, Target, Untyped,
    },
};

// what values may be
pub use {
    connection::Upload,
    hub::IntoHubError,
    protocol::{
        Arguments, Blob, HubArg, HubProtocol, HubResult, OffsetTimestamp, Timestamp, TimestampError,
    },
};

// running a server
#[cfg(feature = "standalone")]
pub use server::{Bound, Mount, Server, serve};
#[cfg(feature = "server")]
pub use server::{HubServer, HubServerBuilder, LocalAddr, PeerAddr, ResponseBody, ResponseFuture};

// scaling out
pub use {
    backplane::{Backplane, Local, LocalConnections},
    hub::{OutboundMessage, Recipients},
};

pub use error::Error;
