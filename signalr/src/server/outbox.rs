//! What waits to be written to one connection, and how its task is told to end.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{
            AtomicBool, AtomicU64,
            Ordering::{Relaxed, SeqCst},
        },
    },
    task::{Context, Waker},
};

use tokio::sync::Notify;

use crate::{connection::BoxFuture, error::Error, packet::Packet};

/// Why a connection's task should end, said from outside of it.
#[derive(Debug)]
pub(super) enum Signal {
    /// `close` of a hub: a Close message behind everything that was sent.
    Close {
        error: Option<String>,
        allow_reconnect: bool,
    },
    /// `abort` of a hub.
    Abort,
    /// Time ran out while the peer may still listen.
    TimedOut(Error),
    /// The peer takes nothing: nothing more can be said to it.
    Stuck(Error),
}

/// The queue of one connection, bounded in bytes.
///
/// A sender may push while fewer than `limit` bytes are unsent, so one message may exceed the limit; otherwise it waits. Whoever
/// pushes wakes the connection's task, unless that is running anyway.
#[derive(Debug)]
pub(super) struct Outbox {
    state: Mutex<State>,
    limit: usize,
    room: Notify,
    ended: AtomicBool,
    end: Notify,
    /// Since when (server clock, milliseconds) the peer has taken nothing; 0 while it does.
    stuck_since: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    packets: VecDeque<Packet>,
    /// Bytes in `packets`.
    queued: usize,
    /// Bytes that the transport has taken and not written.
    in_flight: usize,
    signal: Option<Signal>,
    /// Set while the task sleeps.
    waker: Option<Waker>,
    closed: bool,
}

impl Outbox {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            state: Mutex::default(),
            limit,
            room: Notify::new(),
            ended: AtomicBool::new(false),
            end: Notify::new(),
            stuck_since: AtomicU64::new(0),
        }
    }

    /// Queues without regard to the limit; for what the connection itself answers, whose amount its reading bounds.
    pub(super) fn push(&self, packet: Packet) {
        let mut state = self.lock();
        if !state.closed {
            state.push(packet);
        }
        wake(state);
    }

    /// Queues if there is room. `false`: there is none; wait for [`room`](Self::room). Packets for an ended connection vanish.
    pub(super) fn try_push(&self, packet: &Packet) -> bool {
        let mut state = self.lock();
        if state.closed {
            return true;
        }
        if state.unsent() >= self.limit {
            return false;
        }
        state.push(packet.clone());
        wake(state);
        true
    }

    /// Queues as soon as there is room.
    pub(super) async fn push_when_room(&self, packet: &Packet) {
        loop {
            let room = self.room.notified();
            tokio::pin!(room);
            // Registered before the attempt, so that room made in between is not missed.
            room.as_mut().enable();
            if self.try_push(packet) {
                return;
            }
            room.await;
        }
    }

    pub(super) fn is_full(&self) -> bool {
        let state = self.lock();
        state.unsent() >= self.limit && !state.closed
    }

    /// Completes when there is room or the connection has ended; `None`: at once.
    pub(super) fn room(self: &Arc<Self>) -> Option<BoxFuture<()>> {
        if !self.is_full() {
            return None;
        }
        let this = Arc::clone(self);
        Some(Box::pin(async move {
            loop {
                let room = this.room.notified();
                tokio::pin!(room);
                room.as_mut().enable();
                if !this.is_full() {
                    return;
                }
                room.await;
            }
        }))
    }

    /// Tells the task to end. The first signal counts; an abort takes back what a close allows.
    pub(super) fn signal(&self, signal: Signal) {
        let mut state = self.lock();
        match (&mut state.signal, signal) {
            (
                Some(Signal::Close {
                    allow_reconnect, ..
                }),
                Signal::Abort,
            ) => *allow_reconnect = false,
            (pending @ Some(_), stuck @ Signal::Stuck(_)) => *pending = Some(stuck),
            (Some(_), _) => return,
            (none, signal) => *none = Some(signal),
        }
        state.closed = true;
        wake(state);
        self.announce_end();
    }

    /// The task runs: pushes need not wake it.
    pub(super) fn wake_up(&self) {
        self.lock().waker = None;
    }

    /// Takes everything that waits. If there is nothing and `park`, the next push or signal wakes the task.
    pub(super) fn take(
        &self,
        cx: &Context<'_>,
        park: bool,
        mut each: impl FnMut(&Packet),
    ) -> Taken {
        let mut state = self.lock();
        let signal = state.signal.take();
        if state.packets.is_empty() && signal.is_none() {
            state.park(cx, park);
            return Taken::Nothing;
        }
        let packets = std::mem::take(&mut state.packets);
        state.in_flight += std::mem::take(&mut state.queued);
        drop(state);
        packets.iter().for_each(&mut each);
        match signal {
            Some(signal) => Taken::Signal(signal),
            None => Taken::Packets,
        }
    }

    /// Takes a signal alone, while the transport is busy.
    pub(super) fn take_signal(&self, cx: &Context<'_>, park: bool) -> Option<Signal> {
        let mut state = self.lock();
        let signal = state.signal.take();
        if signal.is_none() {
            state.park(cx, park);
        }
        signal
    }

    /// Leaves a signal for later.
    pub(super) fn put_back(&self, signal: Signal) {
        self.lock().signal.get_or_insert(signal);
    }

    /// Takes what is left; from here on everything pushed vanishes, and nobody waits for room.
    pub(super) fn drain(&self, each: impl FnMut(&Packet)) {
        let mut state = self.lock();
        state.closed = true;
        let packets = std::mem::take(&mut state.packets);
        drop(state);
        packets.iter().for_each(each);
        self.announce_end();
    }

    /// The transport has `unsent` bytes left; everything else that was taken has been written. Whether that made room.
    pub(super) fn wrote(&self, unsent: usize) -> bool {
        let mut state = self.lock();
        let was_full = state.unsent() >= self.limit;
        state.in_flight = unsent;
        let has_room = state.unsent() < self.limit;
        drop(state);
        let made_room = was_full && has_room;
        if made_room {
            self.room.notify_waiters();
        }
        made_room
    }

    pub(super) fn is_ended(&self) -> bool {
        self.ended.load(SeqCst)
    }

    /// Completes when the connection ends.
    pub(super) async fn ended(&self) {
        loop {
            let end = self.end.notified();
            tokio::pin!(end);
            end.as_mut().enable();
            if self.is_ended() {
                return;
            }
            end.await;
        }
    }

    /// Notes whether the peer takes what is written.
    pub(super) fn set_stuck(&self, now: Option<u64>) {
        match now {
            None => self.stuck_since.store(0, Relaxed),
            // 0 means "not stuck", so the clock's very first reading is rounded up.
            Some(now) if self.stuck_since.load(Relaxed) == 0 => {
                self.stuck_since.store(now.max(1), Relaxed);
            }
            Some(_) => {}
        }
    }

    /// For how many milliseconds the peer has taken nothing.
    pub(super) fn stuck_for(&self, now: u64) -> Option<u64> {
        match self.stuck_since.load(Relaxed) {
            0 => None,
            since => Some(now.saturating_sub(since)),
        }
    }

    fn announce_end(&self) {
        self.ended.store(true, SeqCst);
        self.end.notify_waiters();
        self.room.notify_waiters();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What [`Outbox::take`] found.
pub(super) enum Taken {
    Nothing,
    Packets,
    Signal(Signal),
}

impl State {
    fn push(&mut self, packet: Packet) {
        self.queued += packet.len();
        self.packets.push_back(packet);
    }

    fn unsent(&self) -> usize {
        self.queued + self.in_flight
    }

    fn park(&mut self, cx: &Context<'_>, park: bool) {
        if park {
            match &mut self.waker {
                Some(waker) => waker.clone_from(cx.waker()),
                none => *none = Some(cx.waker().clone()),
            }
        }
    }
}

/// Wakes the task behind the lock.
fn wake(mut state: MutexGuard<'_, State>) {
    let waker = state.waker.take();
    drop(state);
    if let Some(waker) = waker {
        waker.wake();
    }
}
