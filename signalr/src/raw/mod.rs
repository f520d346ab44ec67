//! Connections without a hub: bytes both ways over any of the HTTP transports, or over a stream without HTTP.

mod attachment;
mod builder;
mod connection;
mod io;
mod server;
mod session;
mod text;

pub use builder::ConnectionServerBuilder;
pub use connection::{RawConnection, TransferFormat};
pub use server::ConnectionServer;
