//! The links that a server's connection is given one after another.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use futures_util::task::AtomicWaker;
use tokio::time::Instant;

use super::{Transport, relinked::Source};
use crate::error::Error;

/// What the requests for one connection share with its task.
#[derive(Default)]
pub(crate) struct Links {
    state: Mutex<State>,
    task: AtomicWaker,
}

#[derive(Default)]
struct State {
    wanted: bool,
    /// Not yet taken up; of several the last counts.
    next: Option<Box<dyn Transport>>,
    /// Since when there is none.
    lost: Option<Instant>,
}

impl Links {
    /// Whether another link would be taken up.
    pub(crate) fn are_wanted(&self) -> bool {
        self.lock().wanted
    }

    /// Hands a link over; one that is not wanted is dropped.
    pub(crate) fn offer(&self, link: Box<dyn Transport>) {
        let mut state = self.lock();
        if !state.wanted {
            return;
        }
        state.lost = None;
        let replaced = state.next.replace(link);
        drop(state);
        drop(replaced);
        self.task.wake();
    }

    /// For how long there has been no link.
    pub(crate) fn lost_for(&self) -> Option<Duration> {
        self.lock().lost.map(|lost| lost.elapsed())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Source for Arc<Links> {
    fn poll_link(
        &mut self,
        cx: &mut Context<'_>,
        lost: bool,
    ) -> Poll<Result<Box<dyn Transport>, Error>> {
        // Registered before the look, so that what comes in between is not missed.
        self.task.register(cx.waker());
        let mut state = self.lock();
        match state.next.take() {
            Some(link) => Poll::Ready(Ok(link)),
            None => {
                if lost {
                    state.lost.get_or_insert_with(Instant::now);
                }
                Poll::Pending
            }
        }
    }

    fn want(&mut self, links: bool) {
        let mut state = self.lock();
        state.wanted = links;
        state.lost = None;
        let unwanted = state.next.take();
        drop(state);
        drop(unwanted);
    }
}
