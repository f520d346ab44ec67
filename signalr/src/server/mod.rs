//! The server: what stands between transports and hubs.

#[cfg(feature = "standalone")]
mod accepted;
mod builder;
mod callee;
mod connection;
mod core;
mod cors;
#[cfg(feature = "http2")]
mod extended_connect;
#[cfg(all(feature = "standalone", feature = "http2"))]
mod http2;
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
#[cfg(feature = "standalone")]
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
mod socket;
#[cfg(all(feature = "standalone", feature = "rustls"))]
mod tls;
mod token;
mod trace;
mod upgrade;
mod via;

pub use builder::HubServerBuilder;
pub use connection::{LocalAddr, PeerAddr};
pub use hub_server::HubServer;
#[cfg(feature = "standalone")]
pub use listen::{Bound, Server, serve};
#[cfg(feature = "standalone")]
pub use mount::Mount;
pub use response::{ResponseBody, ResponseFuture};
#[cfg(all(feature = "standalone", feature = "rustls"))]
pub use tls::{PeerCertificates, Tls};
