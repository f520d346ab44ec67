//! What waits to be written to one connection, and how its task is told to end.

use std::{
    collections::VecDeque,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{
            AtomicBool, AtomicU64,
            Ordering::{Relaxed, SeqCst},
        },
    },
    task::{Context, Waker},
};

use tokio::sync::{Notify, oneshot};

use super::queue::Queue;
use crate::{
    error::Error,
    packet::{Draft, Packet},
};

/// A place in the line of those who wait for room. Completes, with or without an error, when the wait is over.
pub(crate) type Turn = oneshot::Receiver<()>;

/// Why a connection's task should end, said from outside of it.
#[derive(Debug)]
pub(crate) enum Signal {
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
/// A sender may push while fewer than `limit` bytes are unsent, so one message may exceed the limit; otherwise it waits in line, at
/// the price of its own message. Whoever pushes wakes the connection's task, unless that is running anyway.
#[derive(Debug)]
pub(crate) struct Outbox {
    state: Mutex<State>,
    limit: usize,
    ended: AtomicBool,
    end: Notify,
    /// Since when (server clock, milliseconds) the peer has taken nothing; 0 while it does.
    stuck_since: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    queue: Queue,
    /// Who waits for room, in order: no sender is overtaken by a later one.
    line: VecDeque<(Option<Packet>, oneshot::Sender<()>)>,
    /// Bytes that the transport has taken and not written.
    in_flight: usize,
    signal: Option<Signal>,
    /// Set while the task sleeps.
    waker: Option<Waker>,
    closed: bool,
}

impl Outbox {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            state: Mutex::default(),
            limit,
            ended: AtomicBool::new(false),
            end: Notify::new(),
            stuck_since: AtomicU64::new(0),
        }
    }

    /// Queues without regard to the limit; for what the connection itself says, whose amount its reading bounds.
    pub(crate) fn push(&self, packet: Packet) {
        let mut state = self.lock();
        if !state.closed {
            state.queue.push(packet);
        }
        wake(state);
    }

    /// As [`push`](Self::push), in one packet with what was appended before, as far as nothing else came between.
    pub(crate) fn append(&self, draft: Draft) {
        let mut state = self.lock();
        if !state.closed {
            state.queue.append(draft);
        }
        wake(state);
    }

    /// As [`append`](Self::append), for one of many. Completes when there is room for the next and nobody else is in line, or the
    /// connection has ended; `None`: at once.
    pub(crate) fn append_item(&self, draft: Draft) -> Option<Turn> {
        let mut state = self.lock();
        if state.closed {
            return None;
        }
        state.queue.append(draft);
        let turn = (!state.has_room(self.limit)).then(|| state.line_up(None));
        wake(state);
        turn
    }

    /// Queues behind everything queued before. Without room the packet waits in line, and whoever sends it should wait too; who
    /// stops waiting takes the packet back. Packets for an ended connection vanish.
    pub(crate) fn send(&self, packet: Packet) -> Option<Turn> {
        let mut state = self.lock();
        if state.closed {
            return None;
        }
        if !state.has_room(self.limit) {
            return Some(state.line_up(Some(packet)));
        }
        state.queue.push(packet);
        wake(state);
        None
    }

    pub(crate) fn is_full(&self) -> bool {
        let state = self.lock();
        state.unsent() >= self.limit && !state.closed
    }

    /// Tells the task to end. The first signal counts; an abort takes back what a close allows.
    pub(crate) fn signal(&self, signal: Signal) {
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
        state.end();
        wake(state);
        self.announce_end();
    }

    /// The task runs: pushes need not wake it.
    pub(crate) fn wake_up(&self) {
        self.lock().waker = None;
    }

    /// Takes everything that waits. If there is nothing and `park`, the next push or signal wakes the task.
    pub(crate) fn take(&self, cx: &Context<'_>, park: bool, each: impl FnMut(Packet)) -> Taken {
        let mut state = self.lock();
        let signal = state.signal.take();
        if state.queue.is_empty() && signal.is_none() {
            state.park(cx, park);
            return Taken::Nothing;
        }
        let queue = std::mem::take(&mut state.queue);
        state.in_flight += queue.bytes();
        drop(state);
        queue.for_each(each);
        match signal {
            Some(signal) => Taken::Signal(signal),
            None => Taken::Packets,
        }
    }

    /// Takes a signal alone, while the transport is busy.
    pub(crate) fn take_signal(&self, cx: &Context<'_>, park: bool) -> Option<Signal> {
        let mut state = self.lock();
        let signal = state.signal.take();
        if signal.is_none() {
            state.park(cx, park);
        }
        signal
    }

    /// Leaves a signal for later.
    pub(crate) fn put_back(&self, signal: Signal) {
        self.lock().signal.get_or_insert(signal);
    }

    /// Takes what is left; from here on everything pushed vanishes, and nobody waits for room.
    pub(crate) fn drain(&self, each: impl FnMut(Packet)) {
        let mut state = self.lock();
        state.end();
        let queue = std::mem::take(&mut state.queue);
        drop(state);
        queue.for_each(each);
        self.announce_end();
    }

    /// The transport has `unsent` bytes left; everything else that was taken has been written. Whether that made room.
    pub(crate) fn wrote(&self, unsent: usize) -> bool {
        let mut state = self.lock();
        let was_full = state.unsent() >= self.limit;
        state.in_flight = unsent;
        let has_room = state.unsent() < self.limit;
        state.call_up(self.limit);
        was_full && has_room
    }

    pub(crate) fn is_ended(&self) -> bool {
        self.ended.load(SeqCst)
    }

    /// Completes when the connection ends.
    pub(crate) async fn ended(&self) {
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
    pub(crate) fn set_stuck(&self, now: Option<u64>) {
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
    pub(crate) fn stuck_for(&self, now: u64) -> Option<u64> {
        match self.stuck_since.load(Relaxed) {
            0 => None,
            since => Some(now.saturating_sub(since)),
        }
    }

    fn announce_end(&self) {
        self.ended.store(true, SeqCst);
        self.end.notify_waiters();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What [`Outbox::take`] found.
pub(crate) enum Taken {
    Nothing,
    Packets,
    Signal(Signal),
}

impl State {
    /// Whether more may come without waiting.
    fn has_room(&self, limit: usize) -> bool {
        self.line.is_empty() && self.unsent() < limit
    }

    /// Takes a place in the line.
    fn line_up(&mut self, packet: Option<Packet>) -> Turn {
        let (sender, turn) = oneshot::channel();
        self.line.push_back((packet, sender));
        turn
    }

    /// Lets in whoever has room now.
    fn call_up(&mut self, limit: usize) {
        while self.unsent() < limit {
            let Some((packet, sender)) = self.line.pop_front() else {
                return;
            };
            // Who has stopped waiting is passed over, packet and all.
            if sender.send(()).is_ok()
                && let Some(packet) = packet
            {
                self.queue.push(packet);
            }
        }
    }

    /// Nothing more is taken, and nobody waits any more.
    fn end(&mut self) {
        self.closed = true;
        self.line.clear();
    }

    fn unsent(&self) -> usize {
        self.queue.bytes() + self.in_flight
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
