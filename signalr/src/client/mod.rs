//! The client: a connection to a hub, which it opens, keeps and uses.

mod arguments;
mod backlog;
mod builder;
mod connection;
mod connector;
mod events;
mod handler;
mod http;
mod life;
mod options;
mod proxy;
mod redial;
mod refresh;
mod registration;
mod retry;
mod rt;
mod session;
mod shared;
mod side;
#[cfg(all(test, feature = "server", feature = "macros"))]
mod stateful;

pub use arguments::{CallArgument, CallArguments, Outgoing, Uploading, upload};
pub use builder::HubConnectionBuilder;
pub use connection::{HubConnection, WeakHubConnection};
pub use handler::{EventHandler, HandlerArgument, HandlerArguments, HandlerResult, ResultHandler};
pub use proxy::{Answer, Argument, CallMode, Invoked, Lent, Proxy, Sent, Uploadable, Uploaded};
pub use registration::Registration;
pub use retry::{Backoff, RetryContext, RetryPolicy};
pub use shared::HubConnectionState;
