//! The server: what stands between transports and hubs.

#[cfg(feature = "standalone")]
mod accept;
mod builder;
mod callee;
mod connection;
mod core;
mod cors;
mod http_events;
mod http_polls;
mod http_send;
mod hub_server;
mod lifetime;
#[cfg(feature = "standalone")]
mod listen;
#[cfg(feature = "metrics")]
mod meter;
mod methods;
mod mount;
mod options;
mod origins;
#[cfg(all(test, feature = "msgpack"))]
mod pair;
mod phases;
mod registry;
mod request;
mod response;
mod service;
mod session;
mod sessions;
#[cfg(feature = "standalone")]
mod tcp;
mod token;
mod trace;
mod upgrade;
mod via;

pub use builder::HubServerBuilder;
pub use connection::{LocalAddr, PeerAddr};
pub use hub_server::HubServer;
#[cfg(feature = "standalone")]
pub use listen::{Bound, Server, serve};
pub use mount::Mount;
pub use response::{ResponseBody, ResponseFuture};
