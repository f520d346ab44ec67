//! A bare byte stream: raw TCP, a Unix socket, an in-memory pipe (transports reference, section 14).

use std::{
    cell::RefCell,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{Ending, Read, Transport, out_queue::OutQueue};
use crate::{error::Error, packet::Packet};

/// Bytes that one read takes at most.
const READ_SIZE: usize = 4 * 1024;

thread_local! {
    /// Lent to whichever connection reads right now: an array of its own would have to be filled with zeros for each read.
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ_SIZE].into());
}

/// Hub messages back to back on any duplex stream.
pub(crate) struct Raw<S> {
    io: S,
    out: OutQueue,
    started: bool,
    /// Our side ends behind what is queued.
    closing: bool,
}

impl<S> Raw<S> {
    pub(crate) fn new(io: S) -> Self {
        Self {
            io,
            out: OutQueue::default(),
            started: false,
            closing: false,
        }
    }
}

impl<S: AsyncRead + Unpin> Raw<S> {
    fn poll_piece(
        &mut self,
        cx: &mut Context<'_>,
        scratch: &mut [u8],
        into: &mut BytesMut,
    ) -> Poll<Result<Read, Error>> {
        let mut buffer = ReadBuf::new(scratch);
        ready!(Pin::new(&mut self.io).poll_read(cx, &mut buffer))?;
        into.extend_from_slice(buffer.filled());
        Poll::Ready(Ok(if buffer.filled().is_empty() {
            Read::End
        } else {
            Read::Data
        }))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Transport for Raw<S> {
    fn is_binary(&self) -> bool {
        true
    }

    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        into: &mut BytesMut,
    ) -> Poll<Result<Read, Error>> {
        SCRATCH.with(|scratch| match scratch.try_borrow_mut() {
            Ok(mut scratch) => self.poll_piece(cx, &mut scratch, into),
            // A stream of the application's that reads another one within.
            Err(_) => self.poll_piece(cx, &mut [0; READ_SIZE], into),
        })
    }

    fn push(&mut self, packet: &Packet) {
        self.out.push(packet.payload());
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        ready!(self.out.poll_write(&mut self.io, cx, &mut self.started))?;
        if self.closing {
            ready!(Pin::new(&mut self.io).poll_shutdown(cx))?;
        }
        Poll::Ready(Ok(()))
    }

    fn unsent(&self) -> usize {
        self.out.unsent()
    }

    fn close(&mut self, _: Ending) {
        self.closing = true;
    }

    fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.closing = true;
        if ready!(self.poll_flush(cx)).is_err() {
            return Poll::Ready(());
        }
        // What the peer still sends is read, or the reset that it causes could overtake our last message.
        let mut ignored = BytesMut::new();
        while let Ok(Read::Data) = ready!(self.poll_read(cx, &mut ignored)) {
            ignored.clear();
        }
        Poll::Ready(())
    }
}
