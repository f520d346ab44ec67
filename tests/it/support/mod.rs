//! What the tests share.

mod clock;
mod log;
mod peer;

pub use clock::{settle, since, soon, wait};
pub use log::{Log, OnDrop};
pub use peer::{PING, Peer};
