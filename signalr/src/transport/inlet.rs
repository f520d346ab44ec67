//! Bytes from POST requests on their way to the connection's task.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use bytes::{Buf, Bytes, BytesMut};
use futures_util::task::AtomicWaker;
use tokio::sync::{Notify, Semaphore, SemaphorePermit};

use super::Read;

/// A bounded queue of bytes with one reader and, one after another, many writers.
///
/// Writers wait while it is full, until the reader has taken at least half. Bytes are copied in: a slice of the HTTP server's read
/// buffer would keep all of that buffer in memory.
pub(crate) struct Inlet {
    state: Mutex<State>,
    limit: usize,
    /// The writer whose turn it is; fair, so that bodies keep the order in which they came.
    turn: Semaphore,
    /// Rings when there is room, and when there will never be any.
    room: Notify,
    reader: AtomicWaker,
}

#[derive(Default)]
struct State {
    bytes: BytesMut,
    /// Writers wait until half of the limit is free.
    full: bool,
    /// Something was written, ever.
    used: bool,
    /// Nothing more is taken in; what is there can still be read.
    ended: bool,
}

/// Nobody will read what was to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ended;

impl Inlet {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            state: Mutex::default(),
            limit,
            turn: Semaphore::new(1),
            room: Notify::new(),
            reader: AtomicWaker::new(),
        }
    }

    /// Waits for the turn to write; in the order of the first polls.
    pub(crate) async fn turn(&self) -> SemaphorePermit<'_> {
        let turn = self.turn.acquire().await;
        turn.expect("the semaphore is never closed")
    }

    /// Writes a piece, and waits until there is room for more.
    ///
    /// # Cancel safety
    /// A part of the piece may have been written.
    pub(crate) async fn write(&self, mut piece: Bytes) -> Result<(), Ended> {
        loop {
            let room = self.room.notified();
            tokio::pin!(room);
            // Registered before the attempt, so that room made in between is not missed.
            room.as_mut().enable();
            if self.try_write(&mut piece)? {
                return Ok(());
            }
            room.await;
        }
    }

    /// Takes as much as there is room for; whether the writer may go on.
    fn try_write(&self, piece: &mut Bytes) -> Result<bool, Ended> {
        let mut state = self.lock();
        if state.ended {
            return Err(Ended);
        }
        if !state.full && !piece.is_empty() {
            let length = piece.len().min(self.limit - state.bytes.len());
            state.bytes.extend_from_slice(&piece[..length]);
            piece.advance(length);
            state.used = true;
            state.full = state.bytes.len() >= self.limit;
        }
        let done = piece.is_empty() && !state.full;
        drop(state);
        self.reader.wake();
        Ok(done)
    }

    /// Completes when nothing more is taken in.
    pub(crate) async fn ended(&self) {
        loop {
            let room = self.room.notified();
            tokio::pin!(room);
            room.as_mut().enable();
            if self.lock().ended {
                return;
            }
            room.await;
        }
    }

    /// Appends all that is there.
    pub(crate) fn poll_read(&self, cx: &Context<'_>, into: &mut BytesMut) -> Poll<Read> {
        self.reader.register(cx.waker());
        let mut state = self.lock();
        if state.bytes.is_empty() {
            return if state.ended {
                Poll::Ready(Read::End)
            } else {
                Poll::Pending
            };
        }
        if into.is_empty() {
            // An idle connection keeps neither buffer.
            *into = std::mem::take(&mut state.bytes);
        } else {
            into.extend_from_slice(&state.bytes);
            state.bytes = BytesMut::new();
        }
        let was_full = std::mem::take(&mut state.full);
        drop(state);
        if was_full {
            self.room.notify_waiters();
        }
        Poll::Ready(Read::Data)
    }

    /// Takes nothing more in; writers that wait are told so. What is there can still be read.
    pub(crate) fn end(&self) {
        self.lock().ended = true;
        self.room.notify_waiters();
        self.reader.wake();
    }

    /// Ends before anything was written. `false`: it is too late for that.
    pub(crate) fn end_unused(&self) -> bool {
        let mut state = self.lock();
        state.ended |= !state.used;
        let used = state.used;
        drop(state);
        self.room.notify_waiters();
        !used
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use futures_util::FutureExt;

    use super::*;

    fn read(inlet: &Inlet) -> Poll<(Read, Vec<u8>)> {
        let mut into = BytesMut::new();
        let read = inlet.poll_read(&Context::from_waker(Waker::noop()), &mut into);
        read.map(|read| (read, into.to_vec()))
    }

    #[test]
    fn a_writer_waits_at_the_limit_and_goes_on_when_it_was_read() {
        let inlet = Inlet::new(4);
        assert_eq!(
            inlet.write(Bytes::from_static(b"abc")).now_or_never(),
            Some(Ok(()))
        );
        let mut write = Box::pin(inlet.write(Bytes::from_static(b"defghij")));
        assert_eq!(write.as_mut().now_or_never(), None);
        assert_eq!(read(&inlet), Poll::Ready((Read::Data, b"abcd".to_vec())));
        assert_eq!(write.as_mut().now_or_never(), None);
        assert_eq!(read(&inlet), Poll::Ready((Read::Data, b"efgh".to_vec())));
        assert_eq!(write.as_mut().now_or_never(), Some(Ok(())));
        assert_eq!(read(&inlet), Poll::Ready((Read::Data, b"ij".to_vec())));
        assert_eq!(read(&inlet), Poll::Pending);
    }

    #[test]
    fn a_piece_that_fills_it_exactly_waits_too() {
        let inlet = Inlet::new(3);
        let mut write = Box::pin(inlet.write(Bytes::from_static(b"abc")));
        assert_eq!(write.as_mut().now_or_never(), None);
        assert!(read(&inlet).is_ready());
        assert_eq!(write.now_or_never(), Some(Ok(())));
    }

    #[test]
    fn the_end_lets_writers_go_and_the_reader_finish() {
        let inlet = Inlet::new(2);
        let mut write = Box::pin(inlet.write(Bytes::from_static(b"abc")));
        let mut ended = Box::pin(inlet.ended());
        assert_eq!(write.as_mut().now_or_never(), None);
        assert_eq!(ended.as_mut().now_or_never(), None);
        assert!(!inlet.end_unused());
        inlet.end();
        assert_eq!(write.now_or_never(), Some(Err(Ended)));
        assert_eq!(ended.now_or_never(), Some(()));
        assert_eq!(read(&inlet), Poll::Ready((Read::Data, b"ab".to_vec())));
        assert_eq!(read(&inlet), Poll::Ready((Read::End, vec![])));
    }

    #[test]
    fn turns_are_taken_in_the_order_of_asking() {
        let inlet = Inlet::new(2);
        let first = inlet.turn().now_or_never().expect("free");
        let (mut second, mut third) = (Box::pin(inlet.turn()), Box::pin(inlet.turn()));
        assert!(second.as_mut().now_or_never().is_none());
        assert!(third.as_mut().now_or_never().is_none());
        drop(first);
        assert!(third.as_mut().now_or_never().is_none());
        let second = second.now_or_never().expect("its turn");
        drop(second);
        assert!(third.now_or_never().is_some());
    }
}
