//! What the tests share.

mod broken;
mod clock;
pub mod http;
mod log;
mod peer;
pub mod posts;
mod room;
pub mod web;

pub use broken::BROKEN;
pub use clock::{settle, since, soon, wait};
pub use log::{Log, OnDrop};
pub use peer::{PING, Peer};
pub use room::Room;
