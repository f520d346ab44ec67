//! How bytes travel: in and out of one connection. Knows no hub and no message.

pub(crate) mod inlet;
pub(crate) mod long_polling;
pub(crate) mod negotiate;
mod out_queue;
pub(crate) mod outlet;
pub(crate) mod polls;
mod scratch;
pub(crate) mod sse;
pub(crate) mod tcp;
pub(crate) mod ws;

use std::{
    io,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::{Bytes, BytesMut};

use crate::{error::Error, packet::Packet};

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
}

/// Writes frames to a socket without the task that it belongs to, whoever is allowed to do so at the moment.
pub(crate) trait DirectWrite: Send + Sync {
    /// Writes as many bytes as the socket takes at once.
    ///
    /// # Errors
    /// It takes none now, or never again.
    fn try_write(&self, frame: &[u8]) -> io::Result<usize>;
}
