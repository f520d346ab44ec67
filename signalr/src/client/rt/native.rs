//! Tasks and time of tokio.

use std::sync::Arc;

use tokio::runtime::Handle;

use crate::connection::Spawn;

pub(in crate::client) use tokio::time::{Instant, Sleep, sleep, timeout};

/// Starts a task on the runtime that this is called on; without one the task is dropped.
pub(in crate::client) fn spawn(task: impl Future<Output = ()> + Send + 'static) {
    if let Ok(runtime) = Handle::try_current() {
        runtime.spawn(task);
    }
}

/// Starts tasks on this runtime, also for those who run on none.
pub(in crate::client) fn spawner() -> Spawn {
    let runtime = Handle::current();
    Arc::new(move |task| drop(runtime.spawn(task)))
}
