//! The parts of a hub connection that both ends share: state as data, time as numbers, no socket and no clock.

mod args;
mod calls;
mod handlers;
mod keepalive;
mod receiver;
mod uploads;

pub use args::{Args, BindError, Cancellation};
pub(crate) use calls::{Answer, Calls, result_of};
pub use handlers::{Callbacks, Handlers, Reply};
pub(crate) use keepalive::{Due, KeepAlive};
pub use receiver::Receiver;
pub use uploads::{RawItem, Upload, UploadSink, UploadSinks};
pub(crate) use uploads::{Uploads, check_count};

/// A boxed future that owns what it needs.
pub type BoxFuture<T> = std::pin::Pin<Box<dyn Future<Output = T> + Send + 'static>>;
