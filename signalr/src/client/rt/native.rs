//! Tasks and time of tokio.

pub(in crate::client) use tokio::time::{Instant, Sleep, sleep, timeout};

pub(in crate::client) fn spawn(task: impl Future<Output = ()> + Send + 'static) {
    tokio::spawn(task);
}
