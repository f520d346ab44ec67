//! Bytes on their way into a socket.

use std::{
    collections::VecDeque,
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf, Bytes};
use tokio::io::AsyncWrite;

/// Pieces that one system call takes at most.
const MAX_SLICES: usize = 32;

/// Chunks that are written in order, as many as possible in one call, without copying them together.
#[derive(Debug, Default)]
pub(crate) struct OutQueue {
    chunks: VecDeque<Bytes>,
    unsent: usize,
}

impl OutQueue {
    pub(crate) fn push(&mut self, chunk: Bytes) {
        self.unsent += chunk.len();
        self.chunks.push_back(chunk);
    }

    pub(crate) fn unsent(&self) -> usize {
        self.unsent
    }

    /// Drops what has not been started; the rest of a started chunk stays, so that the peer never sees half of one.
    pub(crate) fn clear_unstarted(&mut self, started: bool) {
        self.chunks.truncate(usize::from(started));
        self.unsent = self.chunks.iter().map(Bytes::len).sum();
    }

    /// Writes everything. `started` tells afterwards whether the first chunk left is half written.
    pub(crate) fn poll_write<S: AsyncWrite + Unpin>(
        &mut self,
        io: &mut S,
        cx: &mut Context<'_>,
        started: &mut bool,
    ) -> Poll<io::Result<()>> {
        while !self.chunks.is_empty() {
            let mut slices = [IoSlice::new(&[]); MAX_SLICES];
            let mut count = 0;
            for (slice, chunk) in slices.iter_mut().zip(&self.chunks) {
                *slice = IoSlice::new(chunk);
                count += 1;
            }
            let written = if count == 1 || !io.is_write_vectored() {
                ready!(Pin::new(&mut *io).poll_write(cx, &self.chunks[0]))?
            } else {
                ready!(Pin::new(&mut *io).poll_write_vectored(cx, &slices[..count]))?
            };
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            *started = self.advance(written);
        }
        // A queue that once held a burst does not keep its memory.
        if self.chunks.capacity() > MAX_SLICES {
            self.chunks = VecDeque::new();
        }
        Pin::new(io).poll_flush(cx)
    }

    /// Whether the first chunk left is a part of one.
    fn advance(&mut self, mut written: usize) -> bool {
        self.unsent -= written;
        while let Some(chunk) = self.chunks.front_mut() {
            if written < chunk.len() {
                chunk.advance(written);
                return written > 0;
            }
            written -= chunk.len();
            self.chunks.pop_front();
        }
        false
    }
}
