//! WebSockets.

mod decoder;
#[cfg(feature = "deflate")]
mod deflate;
#[cfg(feature = "deflate")]
pub(crate) mod extensions;
pub(crate) mod server;

#[cfg(feature = "__test")]
pub(crate) use {decoder::Decoder, deflate::deflate};
