//! WebSockets.

mod decoder;
pub(crate) mod server;

#[cfg(feature = "__test")]
pub(crate) use decoder::Decoder;
