//! A bare byte stream: raw TCP, a Unix socket, an in-memory pipe (transports reference, section 14).

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{Ending, Read, Transport, out_queue::OutQueue, scratch};
use crate::{error::Error, packet::Packet};

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

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Transport for Raw<S> {
    fn is_binary(&self) -> bool {
        true
    }

    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        into: &mut BytesMut,
    ) -> Poll<Result<Read, Error>> {
        scratch::lend(|scratch| {
            let mut buffer = ReadBuf::new(scratch);
            ready!(Pin::new(&mut self.io).poll_read(cx, &mut buffer))?;
            into.extend_from_slice(buffer.filled());
            Poll::Ready(Ok(if buffer.filled().is_empty() {
                Read::End
            } else {
                Read::Data
            }))
        })
    }

    fn push(&mut self, packet: Packet) {
        self.out.push(packet.into_payload());
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

    #[cfg(feature = "client")]
    fn progress(&self) -> Option<usize> {
        Some(self.out.unsent())
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
