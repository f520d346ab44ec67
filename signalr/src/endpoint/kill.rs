//! The end of a connection's task that its server's shutdown may have to force.

use std::{
    sync::atomic::{AtomicBool, Ordering::SeqCst},
    task::{Context, Poll},
};

use futures_util::task::AtomicWaker;

/// Tells one task to stop, wherever it is.
///
/// Its waiter holds nothing, unlike that of a `Notify`, which would be half of what an idle connection's task is.
#[derive(Debug, Default)]
pub(crate) struct Kill {
    killed: AtomicBool,
    task: AtomicWaker,
}

impl Kill {
    pub(crate) fn kill(&self) {
        self.killed.store(true, SeqCst);
        self.task.wake();
    }

    /// Completes when it is time to stop. Of several waiters the last is woken.
    pub(crate) fn poll(&self, cx: &Context<'_>) -> Poll<()> {
        // Registered before the look, so that what comes in between is not missed.
        self.task.register(cx.waker());
        if self.killed.load(SeqCst) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }
}
