//! The reading and writing of one connection: messages in, packets out, and the reasons to end.

use std::{
    sync::Arc,
    task::{Context as TaskContext, Poll},
};

use super::{
    connection::Connection,
    core::Core,
    dispatch::{Dispatcher, Step},
    outbox::{Signal, Taken},
};
use crate::{
    connection::BoxFuture,
    error::{Error, Kind},
    hub::{Hub, Link},
    hub_error::HubError,
    protocol::framing::FrameBuffer,
    transport::{Read, Transport},
};

pub(super) const CLOSED_WITH_ERROR: &str = "Connection closed with an error.";

/// How a connection ends.
pub(super) struct End {
    /// The Close message; `None`: the peer cannot be told.
    pub(super) close: Option<CloseMessage>,
    /// What `on_disconnected` gets.
    pub(super) reason: Option<Error>,
}

#[derive(Default)]
pub(super) struct CloseMessage {
    pub(super) error: Option<String>,
    pub(super) allow_reconnect: bool,
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
        }
    }

    /// The transport is gone.
    fn gone(reason: Option<Error>) -> Self {
        Self {
            close: None,
            reason,
        }
    }
}

/// The reading and writing half of a connection's task.
pub(super) struct Pump<T> {
    pub(super) core: Arc<Core>,
    pub(super) connection: Arc<Connection>,
    pub(super) transport: T,
    pub(super) inbound: FrameBuffer,
    /// Something that a message at the front of `inbound` waits for.
    pub(super) blocked: Option<BoxFuture<()>>,
}

impl<T: Transport> Pump<T> {
    /// Reads, dispatches and writes until there is a reason to end.
    pub(super) fn poll_run<H: Hub>(
        &mut self,
        cx: &mut TaskContext<'_>,
        dispatcher: &mut Dispatcher<H>,
    ) -> Poll<End> {
        self.connection.outbox.wake_up();
        loop {
            let mut progress = match self.poll_input(cx, dispatcher) {
                Ok(progress) => progress,
                Err(end) => return Poll::Ready(end),
            };
            progress |= dispatcher.poll(cx);
            match self.poll_write(cx, !progress, true) {
                Ok(wrote) => progress |= wrote,
                Err(end) => return Poll::Ready(end),
            }
            if !progress {
                return Poll::Pending;
            }
        }
    }

    /// Takes what is queued and writes it; whether there may be more to do. `park`: have the next push wake the task.
    ///
    /// A batch is written completely before the next is taken, so that the time it takes can be limited.
    pub(super) fn poll_write(
        &mut self,
        cx: &mut TaskContext<'_>,
        park: bool,
        signals: bool,
    ) -> Result<bool, End> {
        let outbox = &self.connection.outbox;
        let mut taken = Taken::Nothing;
        if T::POLLED || self.transport.unsent() == 0 {
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
                self.connection.clocks.sent(self.core.now());
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
        let outbox = &self.connection.outbox;
        match self.transport.poll_flush(cx) {
            Poll::Ready(Ok(())) if before > 0 => {
                outbox.wrote(0);
                outbox.set_stuck(None);
                Ok(true)
            }
            Poll::Ready(Ok(())) => Ok(false),
            Poll::Ready(Err(error)) => Err(End::gone(Some(error))),
            Poll::Pending => {
                outbox.set_stuck((!T::POLLED).then(|| self.core.now()));
                Ok(outbox.wrote(self.transport.unsent()))
            }
        }
    }

    fn signaled(&self, signal: Signal) -> End {
        match signal {
            Signal::Close {
                error,
                allow_reconnect,
            } => End {
                close: Some(CloseMessage {
                    error,
                    allow_reconnect,
                }),
                reason: None,
            },
            Signal::Abort => End {
                close: Some(CloseMessage::default()),
                reason: None,
            },
            Signal::TimedOut(error) => End::failed(error, self.core.options.detailed_errors),
            Signal::Stuck(error) => End::gone(Some(error)),
        }
    }

    /// Handles whole messages, reads more when there is none; whether anything happened.
    fn poll_input<H: Hub>(
        &mut self,
        cx: &mut TaskContext<'_>,
        dispatcher: &mut Dispatcher<H>,
    ) -> Result<bool, End> {
        if dispatcher.take_released() {
            self.blocked = None;
        }
        if let Some(blocked) = &mut self.blocked
            && blocked.as_mut().poll(cx).is_ready()
        {
            self.blocked = None;
        }
        let detailed = self.core.options.detailed_errors;
        let failed = |error| End::failed(error, detailed);
        let mut progress = false;
        while self.may_read(dispatcher) {
            let protocol = self.connection.protocol();
            let Some(frame) = self.inbound.next_text().map_err(failed)? else {
                if !self.poll_read(cx)? {
                    break;
                }
                return Ok(true);
            };
            progress = true;
            // Whole messages count as a sign of life, bytes of an unfinished one do not (SV-90).
            self.connection.clocks.received(self.core.now());
            let Some(message) = protocol.decode(frame).map_err(failed)? else {
                continue;
            };
            match dispatcher
                .message(cx, message, frame.len())
                .map_err(failed)?
            {
                Step::Next => {}
                Step::Wait(room) => {
                    self.inbound.keep();
                    self.blocked = Some(room);
                    // Polled once more right away, so that its waker is set.
                    return Ok(true);
                }
                Step::Closed { error } => {
                    return Err(End {
                        close: Some(CloseMessage::default()),
                        reason: error.map(|text| Kind::ClosedByPeer(text).into()),
                    });
                }
            }
        }
        Ok(progress)
    }

    /// Reading stops while too much waits: calls for their turn, items for their reader, answers for the client to read.
    fn may_read<H: Hub>(&self, dispatcher: &Dispatcher<H>) -> bool {
        let may = self.blocked.is_none()
            && !self.connection.is_aborted()
            && !dispatcher.is_saturated()
            && !self.connection.outbox.is_full();
        self.connection.clocks.set_deaf(!may, self.core.now());
        may
    }

    /// Whether bytes came.
    fn poll_read(&mut self, cx: &mut TaskContext<'_>) -> Result<bool, End> {
        match self.transport.poll_read(cx, self.inbound.space()) {
            Poll::Ready(Ok(Read::Data)) => Ok(true),
            // A peer that has only stopped sending still reads the Close message.
            Poll::Ready(Ok(Read::End)) if self.inbound.is_empty() => Err(End {
                close: Some(CloseMessage {
                    error: None,
                    allow_reconnect: true,
                }),
                reason: None,
            }),
            Poll::Ready(Ok(Read::End)) => Err(End::failed(
                Kind::HalfMessage.into(),
                self.core.options.detailed_errors,
            )),
            Poll::Ready(Err(error)) => Err(End::gone(Some(error))),
            Poll::Pending => {
                self.inbound.shrink();
                Ok(false)
            }
        }
    }
}
