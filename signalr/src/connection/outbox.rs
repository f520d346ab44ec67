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
    task::{Context, Poll, Waker},
};

use bytes::{Buf, Bytes};
use tokio::sync::{Notify, oneshot};

use super::{direct::Direct, queue::Queue};
use crate::{
    error::Error,
    packet::{DirectWrite, Draft, Packet},
};

/// Bytes of the longest message that a sender writes itself.
const LONGEST_DIRECT: usize = 64 * 1024;

/// A place in the line of those who wait for room. Completes, with or without an error, when the wait is over.
pub(crate) type Turn = oneshot::Receiver<()>;

/// Gives a place in the line up; whether its turn had come: what waited is queued then.
pub(super) fn has_come(mut turn: Turn) -> bool {
    turn.close();
    turn.try_recv().is_ok()
}

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
/// the price of its own message. Whoever pushes wakes the connection's task, unless that is running anyway; or writes itself, where
/// nothing is in front and the task sleeps.
#[derive(Debug)]
#[repr(C)] // What each send looks at comes first: a broadcast to many finds nothing of it in the processor's caches.
pub(crate) struct Outbox {
    limit: usize,
    /// A sender has written since the connection's clock was last set.
    written_directly: AtomicBool,
    ended: AtomicBool,
    state: Mutex<State>,
    /// Since when (server clock, milliseconds) the peer has taken nothing; 0 while it does.
    stuck_since: AtomicU64,
    end: Notify,
}

#[derive(Debug, Default)]
#[repr(C)]
struct State {
    closed: bool,
    /// The task has nothing left to write and returns; a waker alone is there earlier, while it may still go on.
    asleep: bool,
    /// Bytes that the transport has taken and not written.
    in_flight: usize,
    /// Set while the task sleeps.
    waker: Option<Waker>,
    direct: Direct,
    queue: Queue,
    /// What a sender could not write of its frame.
    rest: Option<Bytes>,
    /// Who waits for room, in order: no sender is overtaken by a later one. Empty where nothing is unsent.
    line: VecDeque<(Option<Packet>, oneshot::Sender<()>)>,
    /// Set once the queue is closed.
    signal: Option<Signal>,
}

impl Outbox {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit,
            written_directly: AtomicBool::new(false),
            ended: AtomicBool::new(false),
            state: Mutex::default(),
            stuck_since: AtomicU64::new(0),
            end: Notify::new(),
        }
    }

    /// From here on senders may write past the task while it sleeps.
    pub(crate) fn open_direct(&self, writer: Option<Arc<dyn DirectWrite>>) {
        if let Some(writer) = writer {
            self.lock().direct = Direct::Free(writer);
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

    /// As [`send`](Self::send), but writes at once where nothing is in front and the task sleeps: that saves waking it.
    ///
    /// What the socket does not take is left to the task, and so is an error.
    /// Long messages are all the task's, so that a sender of many gives way soon.
    pub(crate) fn send_now(&self, packet: &Packet) -> Option<Turn> {
        if packet.len() > LONGEST_DIRECT {
            return self.send(packet.clone());
        }
        let mut state = self.lock();
        let Some(writer) = state.lend() else {
            drop(state);
            return self.send(packet.clone());
        };
        state.in_flight = packet.len();
        drop(state);
        let frame = packet.frame();
        let written = writer.try_write(frame).unwrap_or(0);
        if written > 0 {
            self.written_directly.store(true, Relaxed);
        }

        let mut state = self.lock();
        state.in_flight = frame.len() - written;
        let mut wanted = state.direct.give_back(writer) || state.closed;
        if written < frame.len() {
            let mut rest = packet.clone().into_frame();
            rest.advance(written);
            state.rest = Some(rest);
            wanted = true;
        }
        if !state.queue.is_empty() || packet.len() >= self.limit {
            // Meanwhile somebody may have found no room.
            state.call_up(self.limit);
            wanted |= !state.queue.is_empty();
        }
        if wanted {
            wake(state);
        }
        None
    }

    /// Whether a sender has written since this was last asked.
    pub(crate) fn was_written_directly(&self) -> bool {
        // Mostly not: reading costs less than swapping.
        self.written_directly.load(Relaxed) && self.written_directly.swap(false, Relaxed)
    }

    pub(crate) fn is_full(&self) -> bool {
        self.exceeds(0)
    }

    /// Whether so many bytes more are unsent than fit.
    pub(crate) fn exceeds(&self, bytes: usize) -> bool {
        let state = self.lock();
        state.unsent() >= self.limit.saturating_add(bytes) && !state.closed
    }

    /// A place in the line for an answer.
    pub(crate) fn wait(&self) -> Turn {
        self.lock().line_up(None)
    }

    /// Whether somebody waits for room.
    pub(crate) fn is_waited_for(&self) -> bool {
        !self.lock().line.is_empty()
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
        self.shut(&mut state);
        wake(state);
        self.end.notify_waiters();
    }

    /// The task runs: pushes need not wake it. Pending while a sender writes; afterwards what is left of that, to be written first.
    pub(crate) fn poll_wake_up(&self, cx: &Context<'_>) -> Poll<Option<Bytes>> {
        let mut state = self.lock();
        if !state.direct.let_task_run() {
            state.park(cx, true);
            return Poll::Pending;
        }
        state.waker = None;
        state.asleep = false;
        Poll::Ready(state.rest.take())
    }

    /// The task returns, and its transport has so many bytes left. Until it runs again others may write in its place, if there are
    /// none.
    pub(crate) fn fall_asleep(&self, unsent: usize) {
        self.lock().asleep = unsent == 0;
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
        self.shut(&mut state);
        state.direct = Direct::None;
        let queue = std::mem::take(&mut state.queue);
        drop(state);
        queue.for_each(each);
        self.end.notify_waiters();
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

    /// Nothing more is taken; said before the lock is let go, so that a sender learns that its packet has vanished.
    fn shut(&self, state: &mut State) {
        state.end();
        self.ended.store(true, SeqCst);
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

    /// The right to write, where the task sleeps with nothing left to write.
    fn lend(&mut self) -> Option<Arc<dyn DirectWrite>> {
        let idle = self.asleep
            && self.waker.is_some()
            && self.in_flight == 0
            && self.queue.is_empty()
            && !self.closed;
        idle.then(|| self.direct.lend())?
    }

    /// Takes a place in the line.
    fn line_up(&mut self, packet: Option<Packet>) -> Turn {
        let (sender, turn) = oneshot::channel();
        // Who has stopped waiting must not make the line grow while nothing is written.
        while self.line.back().is_some_and(|(_, last)| last.is_closed()) {
            self.line.pop_back();
        }
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

/// Wakes the task behind the lock. While a sender writes there is no need: it looks for more when it has done so.
fn wake(mut state: MutexGuard<'_, State>) {
    if state.direct.is_lent() {
        return;
    }
    let waker = state.waker.take();
    drop(state);
    if let Some(waker) = waker {
        waker.wake();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_stopped_waiting_leaves_the_line() {
        let outbox = Outbox::new(1);
        let text = || Packet::control(false, |out| out.extend_from_slice(b"text"));
        assert!(outbox.send(text()).is_none());
        let turn = outbox.send(text()).expect("no room");
        for _ in 0..100 {
            let given_up = outbox.send(text()).expect("no room");
            assert!(!has_come(given_up));
        }
        assert!(outbox.lock().line.len() <= 2);
        // The one that still waits is let in, and nobody else.
        let mut taken = 0;
        for _ in 0..3 {
            outbox.take(&Context::from_waker(Waker::noop()), true, |_| taken += 1);
            outbox.wrote(0);
        }
        assert!(has_come(turn));
        assert_eq!(taken, 2);
    }
}
