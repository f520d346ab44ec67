//! What the tests share.

mod broken;
mod clock;
#[macro_use]
mod encoding;
pub mod http;
pub mod http2;
mod line;
pub mod links;
mod log;
pub mod msgpack;
mod peer;
pub mod posts;
mod room;
pub mod tls;
pub mod web;

pub use broken::{BROKEN, BROKEN_MESSAGEPACK};
pub use clock::{settle, since, soon, wait};
pub use encoding::Encoding;
pub use line::{Line, Place};
pub use log::{Log, OnDrop};
pub use peer::{PING, Peer};
pub use room::Room;
