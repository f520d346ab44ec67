//! The polls of one connection: one at a time, and what waits for the next.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use futures_util::task::AtomicWaker;
use tokio::{sync::Notify, time::Instant};

use super::outlet::{Outlet, OutletBody, Watch};

/// Larger than any answer that is not one huge message: middleware that collects a body before it passes it on must not wait for
/// the second piece, which waits for the first to be written.
const PIECE: usize = 1024 * 1024;

/// What a poll is answered with.
#[derive(Debug)]
pub(crate) enum Answer {
    /// All that waited.
    Data(OutletBody),
    /// Nothing came for a long time; poll again.
    Nothing,
    /// The connection has ended, or a newer poll has come.
    End,
    /// A newer poll was quicker.
    Conflict,
    /// The connection had ended before the poll came.
    Gone,
}

/// What the clock finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tick {
    Fine,
    /// Nobody has polled for too long, or nobody may any more.
    Left,
    /// An answer takes too long to be written.
    Stuck,
}

/// The place for one poll, and the bytes that it waits for.
pub(crate) struct Polls {
    state: Mutex<State>,
    /// Rings when a poll may have something to do.
    changed: Notify,
    /// The connection's task.
    task: AtomicWaker,
}

struct State {
    /// Whole hub messages that no poll has taken.
    waiting: Vec<Bytes>,
    /// Bytes in `waiting`.
    queued: usize,
    place: Place,
    /// The number of the newest poll; older ones make room for it.
    newest: u64,
    stage: Stage,
    /// No further poll is expected.
    last_call: bool,
}

enum Place {
    Free {
        since: Instant,
    },
    Taken {
        poll: u64,
        since: Instant,
        expired: bool,
    },
    /// The answer of a poll is being written; the next one waits for that.
    Answering {
        outlet: Arc<Outlet>,
        since: Instant,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Open,
    /// Nothing more comes: a poll takes the rest, and the next one hears of the end.
    Ended,
    /// No poll gets anything any more.
    Over,
}

impl Polls {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State {
                waiting: Vec::new(),
                queued: 0,
                place: Place::free(),
                newest: 0,
                stage: Stage::Open,
                last_call: false,
            }),
            changed: Notify::new(),
            task: AtomicWaker::new(),
        })
    }

    /// Waits for something to answer a poll with.
    ///
    /// # Cancel safety
    /// Dropping the future makes room for the next poll; nothing is lost.
    pub(crate) async fn poll(self: Arc<Self>) -> Answer {
        let Some(poll) = self.arrive() else {
            return Answer::Gone;
        };
        let _place = Leaving { polls: &self, poll };
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            // Registered before the look, so that a change in between is not missed.
            changed.as_mut().enable();
            if let Some(answer) = self.answer(poll) {
                return answer;
            }
            changed.await;
        }
    }

    fn arrive(&self) -> Option<u64> {
        let mut state = self.lock();
        if state.stage == Stage::Over {
            return None;
        }
        state.newest += 1;
        let poll = state.newest;
        drop(state);
        self.changed.notify_waiters();
        Some(poll)
    }

    /// What to answer now, if anything.
    fn answer(self: &Arc<Self>, poll: u64) -> Option<Answer> {
        let mut state = self.lock();
        let mut holds = state.place.is_held_by(poll);
        if state.stage == Stage::Over {
            return Some(Answer::End);
        }
        if state.newest != poll {
            return Some(if holds { Answer::End } else { Answer::Conflict });
        }
        if let Place::Free { .. } = state.place {
            state.place = Place::Taken {
                poll,
                since: Instant::now(),
                expired: false,
            };
            holds = true;
        }
        if !holds {
            return None;
        }
        if !state.waiting.is_empty() {
            let (outlet, body) = Outlet::new(state.take(), PIECE, Arc::clone(self) as _);
            outlet.finish();
            state.place = Place::Answering {
                outlet,
                since: Instant::now(),
            };
            return Some(Answer::Data(body));
        }
        if state.stage == Stage::Ended {
            state.stage = Stage::Over;
            drop(state);
            self.task.wake();
            return Some(Answer::End);
        }
        matches!(state.place, Place::Taken { expired: true, .. }).then_some(Answer::Nothing)
    }

    /// Adds to what waits, and tells how many bytes no poll has taken away.
    pub(super) fn supply(&self, cx: &Context<'_>, batch: &mut Vec<Bytes>) -> usize {
        self.task.register(cx.waker());
        let mut state = self.lock();
        let ring = state.add(batch);
        let unsent = state.unsent();
        drop(state);
        if ring {
            self.changed.notify_waiters();
        }
        unsent
    }

    /// Nothing more comes behind this.
    pub(super) fn end(&self, batch: &mut Vec<Bytes>) {
        let mut state = self.lock();
        state.add(batch);
        if state.stage == Stage::Open {
            state.stage = Stage::Ended;
        }
        drop(state);
        self.changed.notify_waiters();
    }

    /// Completes when a poll has heard of the end, or none will.
    pub(super) fn poll_over(&self, cx: &Context<'_>) -> Poll<()> {
        self.task.register(cx.waker());
        let state = self.lock();
        if state.stage == Stage::Over || (state.last_call && state.unsent() == 0) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }

    /// The server stops listening: who has polled gets what is left, and nobody comes after to hear of the end.
    pub(crate) fn last_call(&self) {
        self.lock().last_call = true;
        self.task.wake();
    }

    /// The client has left: what waits is dropped, and a poll that waits is sent away.
    pub(crate) fn leave(&self) {
        let mut state = self.lock();
        state.stage = Stage::Over;
        state.waiting = Vec::new();
        state.queued = 0;
        drop(state);
        self.changed.notify_waiters();
        self.task.wake();
    }

    /// The connection's task is gone; an answer that is being written fails, unless it is the last of a regular end.
    pub(crate) fn cut_off(&self) {
        let state = self.lock();
        let outlet = match &state.place {
            Place::Answering { outlet, .. } if state.stage != Stage::Over => {
                Some(Arc::clone(outlet))
            }
            _ => None,
        };
        drop(state);
        self.leave();
        if let Some(outlet) = outlet {
            outlet.break_off();
        }
    }

    /// One look of the shared heartbeat.
    pub(crate) fn tick(&self, poll: Duration, idle: Duration, send: Duration) -> Tick {
        let mut state = self.lock();
        if state.stage == Stage::Over {
            return Tick::Left;
        }
        match &mut state.place {
            Place::Free { since } if since.elapsed() > idle => Tick::Left,
            Place::Answering { since, .. } if since.elapsed() >= send => Tick::Stuck,
            Place::Taken { since, expired, .. } if since.elapsed() >= poll => {
                *expired = true;
                drop(state);
                self.changed.notify_waiters();
                Tick::Fine
            }
            _ => Tick::Fine,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watch for Polls {
    /// The answer that was being written is written, or its client has gone.
    fn changed(&self) {
        let mut state = self.lock();
        let Place::Answering { outlet, .. } = &state.place else {
            return;
        };
        let untouched = outlet.take_back();
        if outlet.unsent() > 0 {
            return;
        }
        if !untouched.is_empty() {
            state.queued += untouched.len();
            state.waiting.insert(0, untouched);
        }
        state.place = Place::free();
        drop(state);
        self.changed.notify_waiters();
        self.task.wake();
    }
}

impl State {
    /// Whether a poll may want it.
    fn add(&mut self, batch: &mut Vec<Bytes>) -> bool {
        if self.stage == Stage::Over {
            batch.clear();
        }
        self.queued += batch.iter().map(Bytes::len).sum::<usize>();
        self.waiting.append(batch);
        !self.waiting.is_empty() && matches!(self.place, Place::Taken { .. })
    }

    /// All that waits, in one piece.
    fn take(&mut self) -> Bytes {
        let waiting = std::mem::take(&mut self.waiting);
        let length = std::mem::take(&mut self.queued);
        if let [single] = &waiting[..] {
            return single.clone();
        }
        let mut all = BytesMut::with_capacity(length);
        for message in &waiting {
            all.extend_from_slice(message);
        }
        all.freeze()
    }

    fn unsent(&self) -> usize {
        let answering = match &self.place {
            Place::Answering { outlet, .. } => outlet.unsent(),
            Place::Free { .. } | Place::Taken { .. } => 0,
        };
        self.queued + answering
    }
}

impl Place {
    fn free() -> Self {
        Self::Free {
            since: Instant::now(),
        }
    }

    fn is_held_by(&self, number: u64) -> bool {
        matches!(self, Self::Taken { poll, .. } if *poll == number)
    }
}

/// Makes room when a poll ends, however it does.
struct Leaving<'p> {
    polls: &'p Polls,
    poll: u64,
}

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        let mut state = self.polls.lock();
        if state.place.is_held_by(self.poll) {
            state.place = Place::free();
            drop(state);
            self.polls.changed.notify_waiters();
        }
    }
}
