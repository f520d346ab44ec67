//! Tasks and time of tokio.

use std::sync::Arc;

use crate::connection::Spawn;

pub(in crate::client) use tokio::time::{Instant, Sleep, sleep, timeout};

pub(in crate::client) fn spawn(task: impl Future<Output = ()> + Send + 'static) {
    tokio::spawn(task);
}

/// Starts tasks on this runtime, also for those who run on none.
pub(in crate::client) fn spawner() -> Spawn {
    let runtime = tokio::runtime::Handle::current();
    Arc::new(move |task| drop(runtime.spawn(task)))
}
