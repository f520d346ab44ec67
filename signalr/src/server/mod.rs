//! The server: what stands between transports and hubs.

mod builder;
mod callee;
mod connection;
mod core;
mod hub_server;
mod lifetime;
#[cfg(feature = "standalone")]
mod listen;
mod methods;
#[cfg(feature = "standalone")]
mod mount;
mod options;
#[cfg(all(test, feature = "msgpack"))]
mod pair;
mod phases;
mod registry;
mod session;
mod trace;

pub use builder::HubServerBuilder;
pub use hub_server::HubServer;
#[cfg(feature = "standalone")]
pub use listen::{Bound, Server, serve};
#[cfg(feature = "standalone")]
pub use mount::Mount;
