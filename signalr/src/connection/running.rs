//! One incoming call while it runs or waits.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::Arc,
    task::{Context as TaskContext, Poll, Waker},
};

use tokio_util::sync::CancellationToken;
use tracing::Span;

use super::{BoxFuture, CallError, CallHead, question::watch_questions, turns::Turns};
use crate::hub_error::HubError;

/// A call that runs or waits for its turn.
pub(super) struct Running {
    /// Taken out to be dropped with care, when the call is cancelled or has ended.
    pub(super) future: Option<BoxFuture<Result<(), CallError>>>,
    /// What the method has taken to learn that it is cancelled.
    pub(super) cancellation: Option<CancellationToken>,
    /// Set while the call is pending.
    pub(super) waker: Option<Waker>,
    pub(super) head: Arc<CallHead>,
    pub(super) uploads: Box<[Box<str>]>,
    pub(super) slot: Slot,
    /// Among the calls of its connection.
    pub(super) number: u64,
    pub(super) size: usize,
    /// Set when the call is left to be polled among others.
    pub(super) turns: Option<Arc<Turns>>,
    pub(super) span: Span,
}

/// How a call counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slot {
    /// Against `parallel_invocations`.
    Limited,
    /// Not any more, as it has asked a client: before there is an answer, further calls may have to run.
    Asking,
    /// Against `max_streams`.
    Stream,
    /// Against `max_uploads`.
    Upload,
}

pub(super) struct Ended {
    pub(super) head: Arc<CallHead>,
    pub(super) number: u64,
    pub(super) uploads: Box<[Box<str>]>,
    pub(super) slot: Slot,
    pub(super) outcome: CallEnd,
}

pub(super) enum CallEnd {
    /// The method's completion is queued.
    Answered,
    Failed(CallError),
    Panicked,
    Canceled,
}

impl Future for Running {
    type Output = Ended;

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Ended> {
        let turns = self.turns.take();
        let polled = self.poll_call(cx, turns.as_deref());
        self.turns = turns;
        polled.map(|outcome| Ended {
            head: Arc::clone(&self.head),
            number: self.number,
            uploads: std::mem::take(&mut self.uploads),
            slot: self.slot,
            outcome,
        })
    }
}

impl Running {
    /// A panic in a method costs this call and nothing else.
    pub(super) fn poll_call(
        &mut self,
        cx: &mut TaskContext<'_>,
        turns: Option<&Turns>,
    ) -> Poll<CallEnd> {
        let entered = self.span.enter();
        let outcome = match &mut self.future {
            None => CallEnd::Canceled,
            Some(future) => {
                let poll = AssertUnwindSafe(|| future.as_mut().poll(cx));
                let (polled, asked) = watch_questions(|| catch_unwind(poll));
                if asked && self.slot == Slot::Limited && turns.is_some_and(Turns::give_away) {
                    self.slot = Slot::Asking;
                }
                match polled {
                    Ok(Poll::Pending) => {
                        self.waker = Some(cx.waker().clone());
                        return Poll::Pending;
                    }
                    Ok(Poll::Ready(Ok(()))) => CallEnd::Answered,
                    Ok(Poll::Ready(Err(error))) => CallEnd::Failed(error),
                    Err(_) => CallEnd::Panicked,
                }
            }
        };
        drop(entered);
        match &outcome {
            CallEnd::Failed(CallError::Method(error) | CallError::Stream(error)) => {
                error.record_in(&self.span);
            }
            CallEnd::Panicked => HubError::private("panic", "").record_in(&self.span),
            CallEnd::Answered | CallEnd::Canceled => {}
        }
        // What the method has started is not told of a cancellation that comes too late.
        self.cancellation = None;
        Poll::Ready(outcome)
    }

    pub(super) fn cancel(&mut self) {
        let span = self.span.clone();
        let _entered = span.enter();
        let token = self.cancellation.as_ref();
        if let Some(token) = token {
            token.cancel();
        }
        if token.is_none() || self.slot == Slot::Stream {
            self.drop_future();
            if let Some(waker) = self.waker.take() {
                waker.wake();
            }
        }
    }

    /// A user's value may panic while it is dropped; that costs nothing else.
    fn drop_future(&mut self) {
        let future = self.future.take();
        if catch_unwind(AssertUnwindSafe(|| drop(future))).is_err() {
            tracing::error!(target = %self.head.target(), "hub method panicked while it was dropped");
        }
    }
}

impl Drop for Running {
    /// What the method has started elsewhere learns that the call has gone with its connection.
    fn drop(&mut self) {
        if let Some(token) = &self.cancellation {
            token.cancel();
        }
        self.drop_future();
    }
}
