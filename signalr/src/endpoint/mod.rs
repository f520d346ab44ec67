//! HTTP endpoints with connections behind them: negotiation, the three transports, origins. Knows no hub and no message.

mod addr;
mod beat;
mod cors;
mod events;
mod front;
mod identity;
mod kill;
#[cfg(feature = "metrics")]
mod meter;
mod options;
mod origins;
mod polls;
mod request;
mod response;
mod routes;
mod send;
mod sessions;
mod settings;
#[cfg(feature = "standalone")]
mod socket;
mod token;
mod upgrade;
mod via;

pub use addr::{LocalAddr, PeerAddr};
pub(crate) use beat::millis;
pub(crate) use front::{Attached, Endpoint, Front, Opened};
pub(crate) use identity::{Authorize, Expiry};
pub use identity::{Denied, Identity, access_token};
pub(crate) use kill::Kill;
#[cfg(feature = "metrics")]
pub(crate) use meter::Counted;
pub(crate) use options::{HttpOptions, invalid};
pub(crate) use origins::Origins;
#[cfg(all(feature = "standalone", feature = "rustls"))]
pub(crate) use origins::OverTls;
pub(crate) use request::Opening;
pub(crate) use response::text;
pub use response::{ResponseBody, ResponseFuture};
pub(crate) use routes::serve;
pub(crate) use routes::{Route, respond};
pub(crate) use settings::http_settings;
#[cfg(all(feature = "standalone", feature = "http2"))]
pub(crate) use socket::Begun;
#[cfg(feature = "standalone")]
pub(crate) use socket::Socket;
pub(crate) use via::Via;
