//! The parts of a hub connection that both ends share: state as data, time as numbers, no socket and no clock.

#[cfg(any(feature = "server", feature = "client"))]
mod acks;
mod args;
mod caller;
mod calls;
#[cfg(any(feature = "server", feature = "client"))]
mod control;
mod direct;
mod handled;
mod handlers;
mod head;
#[cfg(any(feature = "server", feature = "client"))]
mod hearing;
mod id;
mod incoming;
mod keepalive;
pub(crate) mod opening;
mod outbox;
mod outflow;
#[cfg(any(feature = "server", feature = "client"))]
mod parking;
#[cfg(any(feature = "server", feature = "client"))]
mod pump;
mod question;
mod queue;
mod receiver;
#[cfg(any(feature = "server", feature = "client"))]
mod replay;
mod running;
mod short;
mod side;
mod succession;
mod transport_type;
mod turns;
mod uploads;

#[cfg(any(feature = "server", feature = "client"))]
pub(crate) use acks::Acks;
pub use args::{Args, BindError, Cancellation};
pub use caller::ItemStream;
#[cfg(feature = "client")]
pub(crate) use caller::Spawn;
pub(crate) use calls::{Answer, Calls, read_answer, result_of};
#[cfg(any(feature = "server", feature = "client"))]
pub(crate) use control::control;
pub use handlers::{Callbacks, Handlers, Reply};
pub use head::CallError;
pub(crate) use head::CallHead;
pub use id::ConnectionId;
pub(crate) use incoming::Incoming;
pub(crate) use keepalive::{Due, KeepAlive};
pub(crate) use outbox::{Outbox, Signal, Taken, Turn};
#[cfg(any(feature = "server", feature = "client"))]
pub(crate) use pump::{CLOSED_WITH_ERROR, CloseMessage, End, Pump};
pub(crate) use question::note_question;
pub use receiver::Receiver;
#[cfg(any(feature = "server", feature = "client"))]
pub(crate) use replay::Replay;
pub(crate) use running::Slot;
pub(crate) use side::{Bound, Callee, Limits, Refused, Side};
pub use transport_type::HttpTransportType;
pub use uploads::{RawItem, Upload, UploadSink, UploadSinks};
pub(crate) use uploads::{Uploads, check_count};
pub(crate) use {caller::Caller, handled::Handled, outflow::Outflows};

/// A boxed future that owns what it needs.
pub type BoxFuture<T> = std::pin::Pin<Box<dyn Future<Output = T> + Send + 'static>>;
