//! Tasks and time of a browser: tokio has neither a clock nor timers there.

use std::{sync::Arc, time::Duration};

use gloo_timers::future::TimeoutFuture;
use send_wrapper::SendWrapper;
pub(in crate::client) use web_time::Instant;

use super::{either, millis};
use crate::connection::Spawn;

/// A browser counts in 31 bits, and takes more for none at all: 24 days.
const LONGEST: u32 = i32::MAX as u32;

/// A timer stays on the thread that has made it, as its task does.
pub(in crate::client) type Sleep = SendWrapper<TimeoutFuture>;

pub(in crate::client) fn spawn(task: impl Future<Output = ()> + Send + 'static) {
    wasm_bindgen_futures::spawn_local(task);
}

pub(in crate::client) fn spawner() -> Spawn {
    Arc::new(spawn)
}

pub(in crate::client) fn sleep(duration: Duration) -> Sleep {
    let millis = u32::try_from(millis(duration)).map_or(LONGEST, |it| it.min(LONGEST));
    SendWrapper::new(TimeoutFuture::new(millis))
}

/// Time ran out.
#[derive(Clone, Copy, Debug)]
pub(in crate::client) struct Elapsed;

pub(in crate::client) async fn timeout<T>(
    limit: Duration,
    future: impl Future<Output = T>,
) -> Result<T, Elapsed> {
    either(future, sleep(limit)).await.map_err(|()| Elapsed)
}
