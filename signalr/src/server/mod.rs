//! The server: what stands between transports and hubs.

#[cfg(feature = "standalone")]
mod accept;
#[cfg(feature = "standalone")]
mod accepted;
mod builder;
mod callee;
mod connection;
mod core;
mod fan_out;
#[cfg(all(feature = "standalone", feature = "http2"))]
mod http2;
mod hub_server;
mod lifetime;
#[cfg(feature = "standalone")]
mod listen;
mod methods;
mod mount;
mod options;
#[cfg(all(test, feature = "msgpack"))]
mod pair;
mod phases;
mod registry;
mod session;
#[cfg(feature = "standalone")]
mod tcp;
#[cfg(all(feature = "standalone", feature = "rustls"))]
mod tls;
mod trace;

pub use builder::HubServerBuilder;
pub use hub_server::HubServer;
#[cfg(feature = "standalone")]
pub use listen::{Bound, Server, serve};
pub use mount::Mount;
#[cfg(all(feature = "standalone", feature = "rustls"))]
pub use tls::{PeerCertificates, Tls};
