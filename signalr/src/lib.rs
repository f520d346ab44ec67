#![doc = include_str!("../../README.md")]
// A contract crate has neither server nor client: what only they use of the shared modules is idle there.
#![cfg_attr(
    not(all(feature = "server", feature = "client")),
    allow(
        dead_code,
        unreachable_pub,
        unused_imports,
        reason = "used by the server or the client"
    )
)]

#[cfg(all(target_arch = "wasm32", feature = "server"))]
compile_error!(
    "a server needs sockets, which wasm32 has not: take `signalr` with `default-features = false`"
);
#[cfg(all(target_arch = "wasm32", feature = "client", not(feature = "wasm")))]
compile_error!("the client needs the feature `wasm` on wasm32");

// The expansions of our own macros in documentation and tests say `::signalr`.
extern crate self as signalr;

mod backplane;
#[cfg(feature = "client")]
mod client;
mod connection;
#[cfg(feature = "server")]
mod endpoint;
mod error;
mod hub;
mod hub_error;
mod packet;
mod protocol;
#[cfg(feature = "server")]
mod raw;
#[cfg(feature = "server")]
mod server;
#[cfg(any(feature = "server", feature = "client"))]
mod transport;

#[cfg(feature = "__test")]
#[doc(hidden)]
pub mod __bench;
#[cfg(feature = "__test")]
#[doc(hidden)]
pub mod __fuzz;
#[doc(hidden)]
pub mod __private;
/// The name that expansions use: it carries the version, so a macro crate of another version fails to compile instead of misbehaving.
#[doc(hidden)]
pub use __private as __private_0_1_0;

// what a hub is
#[cfg(feature = "macros")]
pub use signalr_macros::{hub, receiver};
pub use {
    connection::{ConnectionId, HttpTransportType, Receiver},
    hub::{Connecting, Context, Hub, HubContext, Items, Kind, Method},
    hub_error::HubError,
};

#[doc(no_inline)]
pub use tokio_util::sync::CancellationToken;

// calling clients
pub use {
    connection::Callbacks,
    hub::{
        CallerClients, Clients, Contract, Groups, Invoking, Many, Sending, Single, Target, Untyped,
    },
};

// what values may be
/// Gives a type the names and forms that .NET expects in JSON and in MessagePack.
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use serde_json::json;
/// use signalr::dotnet;
///
/// #[dotnet]
/// #[derive(Debug, PartialEq, Serialize, Deserialize)]
/// struct Order {
///     order_id: u32,
///     #[dotnet(name = "TrackingURL")]
///     tracking_url: Option<String>,
///     state: OrderState,
/// }
///
/// #[dotnet]
/// #[derive(Debug, PartialEq, Serialize, Deserialize)]
/// enum OrderState {
///     Placed,
///     Shipped,
/// }
///
/// let order = Order { order_id: 7, tracking_url: None, state: OrderState::Shipped };
///
/// let in_json = serde_json::to_value(&order)?;
/// assert_eq!(in_json, json!({ "orderId": 7, "trackingURL": null, "state": 1 }));
/// assert_eq!(serde_json::from_value::<Order>(in_json)?, order);
///
/// let in_message_pack = rmp_serde::to_vec_named(&order)?;
/// let shown: serde_json::Value = rmp_serde::from_slice(&in_message_pack)?;
/// assert_eq!(shown, json!({ "OrderId": 7, "TrackingURL": null, "State": "Shipped" }));
/// assert_eq!(rmp_serde::from_slice::<Order>(&in_message_pack)?, order);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[cfg(feature = "macros")]
pub use signalr_macros::dotnet;
pub use {
    connection::Upload,
    hub::IntoHubError,
    protocol::{
        Arguments, Blob, CallResult, HubArg, HubProtocol, HubResult, OffsetTimestamp, Timestamp,
        TimestampError,
    },
};

// running a server
#[cfg(feature = "standalone")]
pub use server::{Bound, Server, serve};
#[cfg(feature = "server")]
pub use {
    endpoint::{Denied, Identity, LocalAddr, PeerAddr, ResponseBody, ResponseFuture, access_token},
    raw::{ConnectionServer, ConnectionServerBuilder, RawConnection, TransferFormat},
    server::{HubServer, HubServerBuilder, Mount},
};

#[cfg(all(feature = "standalone", feature = "rustls"))]
pub use server::{PeerCertificates, Tls};
/// The TLS library, in the version whose types [`Tls`] takes.
#[cfg(all(feature = "rustls", not(target_arch = "wasm32")))]
#[doc(no_inline)]
pub use tokio_rustls::rustls;

// connecting to a server
#[cfg(feature = "client")]
pub use {
    client::{
        Backoff, CallArgument, CallArguments, CallMode, EventHandler, HandlerArgument,
        HandlerArguments, HandlerResult, HubConnection, HubConnectionBuilder, HubConnectionState,
        Invoked, Registration, ResultHandler, RetryContext, RetryPolicy, Sent, Uploading,
        WeakHubConnection, upload,
    },
    connection::ItemStream,
};

// scaling out
pub use {
    backplane::{Backplane, Local, LocalConnections},
    hub::{OutboundMessage, Recipients},
};

pub use error::Error;
