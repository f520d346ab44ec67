//! What the tests share.

mod peer;

pub use peer::Peer;
