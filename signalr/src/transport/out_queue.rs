//! Bytes on their way into a socket.

use std::{
    borrow::Cow,
    collections::VecDeque,
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf, Bytes};
use tokio::io::AsyncWrite;

/// Pieces that one system call takes at most.
const MAX_SLICES: usize = 32;

/// Bytes that are copied together for what takes one piece at a time.
const JOINED: usize = 16 * 1024;

/// Chunks that are written in order, as many as possible in one call, without copying them together.
#[derive(Debug, Default)]
pub(crate) struct OutQueue {
    chunks: VecDeque<Bytes>,
    unsent: usize,
}

impl OutQueue {
    pub(crate) fn push(&mut self, chunk: Bytes) {
        self.unsent += chunk.len();
        if self.chunks.capacity() == 0 {
            // Mostly one is written before the next comes; the default room for four would be a twentieth of an idle connection.
            self.chunks.reserve_exact(1);
        }
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
        let io_takes_slices = io.is_write_vectored();
        while !self.chunks.is_empty() {
            let mut slices = [IoSlice::new(&[]); MAX_SLICES];
            let mut count = 0;
            for (slice, chunk) in slices.iter_mut().zip(&self.chunks) {
                *slice = IoSlice::new(chunk);
                count += 1;
            }
            let sink = Pin::new(&mut *io);
            let written = if count == 1 {
                ready!(sink.poll_write(cx, &self.chunks[0]))?
            } else if io_takes_slices {
                ready!(sink.poll_write_vectored(cx, &slices[..count]))?
            } else {
                ready!(sink.poll_write(cx, &self.joined()))?
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

    /// The first chunks in one piece, as many as fit a frame of HTTP/2, which would make one of each otherwise.
    fn joined(&self) -> Cow<'_, [u8]> {
        let mut joined = Vec::new();
        for chunk in &self.chunks {
            if joined.len() + chunk.len() > JOINED {
                break;
            }
            joined.extend_from_slice(chunk);
        }
        match &self.chunks[0] {
            large if joined.is_empty() => Cow::Borrowed(large),
            _ => Cow::Owned(joined),
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes one piece at a time, as a stream of HTTP/2 does.
    #[derive(Default)]
    struct Pieces(Vec<Vec<u8>>);

    impl AsyncWrite for Pieces {
        fn poll_write(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            self.0.push(bytes.to_vec());
            Poll::Ready(Ok(bytes.len()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[tokio::test]
    async fn small_chunks_become_one_piece_and_large_ones_stay_alone() {
        let (mut queue, mut pieces, mut started) = (OutQueue::default(), Pieces::default(), false);
        let sizes = [10, 20, 30, JOINED, JOINED + 1, 5, 6, JOINED - 11, 1];
        for (number, size) in (0u8..).zip(sizes) {
            queue.push(vec![number; size].into());
        }
        std::future::poll_fn(|cx| queue.poll_write(&mut pieces, cx, &mut started))
            .await
            .expect("it takes everything");
        let lengths: Vec<usize> = pieces.0.iter().map(Vec::len).collect();
        assert_eq!(lengths, [60, JOINED, JOINED + 1, JOINED, 1]);
        let all: Vec<u8> = (0u8..)
            .zip(sizes)
            .flat_map(|(n, size)| vec![n; size])
            .collect();
        assert_eq!(pieces.0.concat(), all);
        assert_eq!((queue.unsent(), started), (0, false));
    }
}
