//! Tasks and time: tokio's, or a browser's.

#[cfg(target_arch = "wasm32")]
mod browser;
#[cfg(not(target_arch = "wasm32"))]
mod native;

use std::{future::poll_fn, pin::pin, task::Poll, time::Duration};

#[cfg(target_arch = "wasm32")]
pub(super) use browser::{Instant, Sleep, sleep, spawn, spawner, timeout};
#[cfg(not(target_arch = "wasm32"))]
pub(super) use native::{Instant, Sleep, sleep, spawn, spawner, timeout};

/// Runs one of two futures to its end, the first if both are ready.
pub(super) async fn either<A, B>(
    first: impl Future<Output = A>,
    second: impl Future<Output = B>,
) -> Result<A, B> {
    let (mut first, mut second) = (pin!(first), pin!(second));
    poll_fn(|cx| {
        if let Poll::Ready(first) = first.as_mut().poll(cx) {
            return Poll::Ready(Ok(first));
        }
        second.as_mut().poll(cx).map(Err)
    })
    .await
}

/// Milliseconds; as many as fit.
pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
