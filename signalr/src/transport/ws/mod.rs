//! WebSockets.

mod decoder;
pub(crate) mod server;
