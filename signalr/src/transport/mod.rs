//! How bytes travel: in and out of one connection. Knows no hub and no message.

#[cfg(feature = "server")]
pub(crate) mod inlet;
#[cfg(feature = "server")]
pub(crate) mod links;
#[cfg(feature = "server")]
pub(crate) mod long_polling;
#[cfg(feature = "server")]
pub(crate) mod negotiate;
mod out_queue;
#[cfg(feature = "server")]
pub(crate) mod outlet;
#[cfg(feature = "server")]
pub(crate) mod polls;
#[cfg(any(feature = "server", feature = "client"))]
pub(crate) mod relinked;
mod scratch;
#[cfg(feature = "server")]
pub(crate) mod sse;
pub(crate) mod tcp;
#[cfg(feature = "server")]
pub(crate) mod ws;

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use bytes::{Bytes, BytesMut};

use crate::{
    error::Error,
    packet::{DirectWrite, Packet},
};

/// What a read brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Read {
    /// Bytes were appended.
    Data,
    /// The peer will send nothing more.
    End,
}

/// How the transport ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The hub has said all it had to say.
    Normal,
    /// The peer broke the transport's own protocol.
    Violation,
    /// Whatever used the transport has failed.
    Failure,
}

/// A duplex of bytes in one task: polled, never locked.
pub(crate) trait Transport: Send + 'static {
    /// Whether it can carry binary messages.
    fn is_binary(&self) -> bool;

    /// Whether the peer fetches what is sent to it: bytes wait for its next request without harm, and its requests are its sign of life.
    fn is_polled(&self) -> bool {
        false
    }

    /// Appends what has arrived, a bounded piece at a time.
    fn poll_read(&mut self, cx: &mut Context<'_>, into: &mut BytesMut)
    -> Poll<Result<Read, Error>>;

    /// Takes a packet to be written behind those before it.
    fn push(&mut self, packet: Packet);

    /// Writes what was pushed.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>>;

    /// Bytes that were pushed and not written.
    fn unsent(&self) -> usize;

    /// A number that changes whenever the peer takes some of what is unsent; `None`: the transport itself limits how long that takes.
    #[cfg(feature = "client")]
    fn progress(&self) -> Option<usize> {
        None
    }

    /// A way to write from outside of the task, while that has nothing to write itself; handed out once, if there is one.
    fn take_direct(&mut self) -> Option<Arc<dyn DirectWrite>> {
        None
    }

    /// Takes the rest of what was written directly, in front of everything else.
    fn resume(&mut self, rest: Bytes) {
        debug_assert!(rest.is_empty(), "only for what hands out a direct way");
    }

    /// Ends the transport behind everything that was pushed.
    fn close(&mut self, ending: Ending);

    /// Writes the rest and waits until the peer has ended its side too.
    fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<()>;

    /// Whether the end was the peer's wish, told in the transport's own way; otherwise the way to the peer was lost.
    fn is_closed_by_peer(&self) -> bool {
        false
    }

    /// Says whether the transport is to live on when the way to the peer is lost, after a `false` never again. Returns whether it can.
    fn keep(&mut self, on: bool) -> bool {
        let _ = on;
        false
    }

    /// The peer has been heard on the last way to it.
    fn heard(&mut self) {}

    /// Whether there is a way to the peer now; what is pushed without one vanishes.
    fn is_linked(&self) -> bool {
        true
    }

    /// Takes another way to the peer: what was not read from the one before, or not written to it, will never be.
    fn poll_renewed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let _ = cx;
        Poll::Pending
    }
}

impl<T: Transport + ?Sized> Transport for Box<T> {
    fn is_binary(&self) -> bool {
        (**self).is_binary()
    }

    fn is_polled(&self) -> bool {
        (**self).is_polled()
    }

    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        into: &mut BytesMut,
    ) -> Poll<Result<Read, Error>> {
        (**self).poll_read(cx, into)
    }

    fn push(&mut self, packet: Packet) {
        (**self).push(packet);
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        (**self).poll_flush(cx)
    }

    fn unsent(&self) -> usize {
        (**self).unsent()
    }

    #[cfg(feature = "client")]
    fn progress(&self) -> Option<usize> {
        (**self).progress()
    }

    fn close(&mut self, ending: Ending) {
        (**self).close(ending);
    }

    fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        (**self).poll_closed(cx)
    }

    fn is_closed_by_peer(&self) -> bool {
        (**self).is_closed_by_peer()
    }

    fn keep(&mut self, on: bool) -> bool {
        (**self).keep(on)
    }

    fn heard(&mut self) {
        (**self).heard();
    }

    fn is_linked(&self) -> bool {
        (**self).is_linked()
    }

    fn poll_renewed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        (**self).poll_renewed(cx)
    }
}
