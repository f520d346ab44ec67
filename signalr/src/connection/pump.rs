//! The reading and writing of one connection: messages in, packets out, and the reasons to end.

use std::task::{Context as TaskContext, Poll};

use super::{
    Callee, Incoming, Side,
    incoming::Step,
    outbox::{Signal, Taken},
};
use crate::{
    error::{Error, Kind},
    hub_error::HubError,
    protocol::framing::FrameBuffer,
    transport::{Read, Transport},
};

pub(crate) const CLOSED_WITH_ERROR: &str = "Connection closed with an error.";

/// How a connection ends.
#[derive(Debug)]
pub(crate) struct End {
    /// The Close message; `None`: the peer cannot be told.
    pub(crate) close: Option<CloseMessage>,
    /// Why; `None`: one of the ends wanted it so.
    pub(crate) reason: Option<Error>,
    /// Whether the peer's Close message lets us come back; `None`: there was none.
    pub(crate) peer_allows_reconnect: Option<bool>,
}

#[derive(Debug, Default)]
pub(crate) struct CloseMessage {
    pub(crate) error: Option<String>,
    pub(crate) allow_reconnect: bool,
}

impl End {
    /// Something went wrong; the client may come back.
    fn failed(reason: Error, detailed: bool) -> Self {
        let name = reason.wire_name();
        let error = HubError::private(name, &reason).describe(CLOSED_WITH_ERROR, detailed);
        Self {
            close: Some(CloseMessage {
                error: Some(error),
                allow_reconnect: true,
            }),
            reason: Some(reason),
            peer_allows_reconnect: None,
        }
    }

    /// The transport is gone.
    fn gone(reason: Error) -> Self {
        Self {
            close: None,
            reason: Some(reason),
            peer_allows_reconnect: None,
        }
    }

    /// We have decided so.
    fn wanted(close: CloseMessage) -> Self {
        Self {
            close: Some(close),
            reason: None,
            peer_allows_reconnect: None,
        }
    }
}

/// The reading and writing half of a connection's task.
pub(crate) struct Pump<T, S> {
    pub(crate) side: S,
    pub(crate) transport: T,
    pub(crate) inbound: FrameBuffer,
}

impl<T: Transport, S: Side> Pump<T, S> {
    /// Reads, dispatches and writes until there is a reason to end.
    pub(crate) fn poll_run<C: Callee>(
        &mut self,
        cx: &mut TaskContext<'_>,
        incoming: &mut Incoming<S, C>,
    ) -> Poll<End> {
        self.side.outbox().wake_up();
        loop {
            let mut progress = match self.poll_input(cx, incoming) {
                Ok(progress) => progress,
                Err(end) => return Poll::Ready(end),
            };
            progress |= incoming.poll(cx);
            match self.poll_write(cx, !progress, true) {
                Ok(wrote) => progress |= wrote,
                Err(end) => return Poll::Ready(end),
            }
            if !progress {
                return Poll::Pending;
            }
        }
    }

    /// Handles what has arrived though nothing can be written any more, so that the peer's goodbye is heard.
    #[cfg(feature = "client")]
    pub(crate) fn poll_last_words<C: Callee>(
        &mut self,
        cx: &mut TaskContext<'_>,
        incoming: &mut Incoming<S, C>,
    ) -> Option<End> {
        loop {
            match self.poll_input(cx, incoming) {
                Ok(true) => {}
                Ok(false) => return None,
                Err(end) => return Some(end).filter(|end| end.peer_allows_reconnect.is_some()),
            }
        }
    }

    /// Takes what is queued and writes it; whether there may be more to do. `park`: have the next push wake the task.
    ///
    /// A batch is written completely before the next is taken, so that the time it takes can be limited.
    pub(crate) fn poll_write(
        &mut self,
        cx: &mut TaskContext<'_>,
        park: bool,
        signals: bool,
    ) -> Result<bool, End> {
        let outbox = self.side.outbox();
        let mut taken = Taken::Nothing;
        if self.transport.is_polled() || self.transport.unsent() == 0 {
            let transport = &mut self.transport;
            taken = outbox.take(cx, park, |packet| transport.push(packet));
        } else if let Some(signal) = outbox.take_signal(cx, park) {
            taken = Taken::Signal(signal);
        }
        let wrote = match taken {
            Taken::Signal(signal) if signals => return Err(self.signaled(signal)),
            Taken::Signal(signal) => {
                outbox.put_back(signal);
                false
            }
            Taken::Packets => {
                self.side.clocks().sent(self.side.now());
                true
            }
            Taken::Nothing => false,
        };
        let freed = self.poll_flush(cx)?;
        // What queued up behind a batch goes out as soon as the batch is written.
        Ok(wrote || freed)
    }

    /// Whether there is room for more: to push, or to answer what reading brings.
    fn poll_flush(&mut self, cx: &mut TaskContext<'_>) -> Result<bool, End> {
        let before = self.transport.unsent();
        let outbox = self.side.outbox();
        match self.transport.poll_flush(cx) {
            Poll::Ready(Ok(())) => {
                // Also where nothing was left: a stream may take bytes at once and flush them later.
                outbox.set_stuck(None);
                if before > 0 {
                    outbox.wrote(0);
                }
                Ok(before > 0)
            }
            Poll::Ready(Err(error)) => Err(End::gone(error)),
            Poll::Pending => {
                outbox.set_stuck((!self.transport.is_polled()).then(|| self.side.now()));
                Ok(outbox.wrote(self.transport.unsent()))
            }
        }
    }

    fn signaled(&self, signal: Signal) -> End {
        match signal {
            Signal::Close {
                error,
                allow_reconnect,
            } => End::wanted(CloseMessage {
                error,
                allow_reconnect,
            }),
            Signal::Abort => End::wanted(CloseMessage::default()),
            Signal::TimedOut(error) => End::failed(error, self.side.limits().detailed_errors),
            Signal::Stuck(error) => End::gone(error),
        }
    }

    /// Handles whole messages, reads once when there is none; whether anything happened.
    ///
    /// So what a read has brought is handled before anything is written, and answered before the next read.
    fn poll_input<C: Callee>(
        &mut self,
        cx: &mut TaskContext<'_>,
        incoming: &mut Incoming<S, C>,
    ) -> Result<bool, End> {
        let detailed = self.side.limits().detailed_errors;
        let failed = |error| End::failed(error, detailed);
        let (mut read, mut progress) = (false, false);
        while self.may_read(incoming) {
            let protocol = self.side.protocol();
            let frame = self.inbound.next(protocol.is_binary()).map_err(failed)?;
            let Some(frame) = frame else {
                if read || !self.poll_read(cx)? {
                    break;
                }
                (read, progress) = (true, true);
                // What the transport answers to by itself, such as a ping, came before the end of the messages.
                self.poll_flush(cx)?;
                continue;
            };
            progress = true;
            // Whole messages count as a sign of life, bytes of an unfinished one do not (SV-90).
            self.side.clocks().received(self.side.now());
            let Some(message) = protocol.decode(frame).map_err(failed)? else {
                continue;
            };
            match incoming.message(cx, message, frame.len()).map_err(failed)? {
                Step::Next => {}
                Step::Closed {
                    error,
                    allow_reconnect,
                } => {
                    return Err(End {
                        close: Some(CloseMessage::default()),
                        reason: error.map(|text| Kind::ClosedByPeer(text).into()),
                        peer_allows_reconnect: Some(allow_reconnect),
                    });
                }
            }
        }
        Ok(progress)
    }

    /// Reading stops while too much waits: calls for their turn, items for their reader, answers for the client to read.
    fn may_read<C: Callee>(&self, incoming: &mut Incoming<S, C>) -> bool {
        let may = !self.side.outbox().is_ended()
            && !incoming.must_wait()
            && !self.side.outbox().is_full();
        self.side.clocks().set_deaf(!may, self.side.now());
        may
    }

    /// Whether bytes came.
    fn poll_read(&mut self, cx: &mut TaskContext<'_>) -> Result<bool, End> {
        match self.transport.poll_read(cx, self.inbound.space()) {
            Poll::Ready(Ok(Read::Data)) => Ok(true),
            // A peer that has only stopped sending still reads the Close message.
            Poll::Ready(Ok(Read::End)) if self.inbound.is_empty() => {
                Err(End::wanted(CloseMessage {
                    error: None,
                    allow_reconnect: true,
                }))
            }
            Poll::Ready(Ok(Read::End)) => Err(End::failed(
                Kind::HalfMessage.into(),
                self.side.limits().detailed_errors,
            )),
            Poll::Ready(Err(error)) => Err(End::gone(error)),
            Poll::Pending => {
                self.inbound.shrink();
                Ok(false)
            }
        }
    }
}
