//! The reading and writing of one connection: messages in, packets out, and the reasons to end.

use std::task::{Context as TaskContext, Poll, ready};

use super::{
    Callee, Incoming, Replay, Side,
    incoming::Step,
    outbox::{Signal, Taken},
};
use crate::{
    error::{Error, Kind},
    hub_error::HubError,
    protocol::{Message, framing::FrameBuffer},
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
    pub(super) fn failed(reason: Error, detailed: bool) -> Self {
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
    pub(super) fn gone(reason: Error) -> Self {
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
    /// `None`: the connection ends with its link.
    pub(crate) replay: Option<Box<Replay>>,
}

impl<T: Transport, S: Side> Pump<T, S> {
    /// Reads, dispatches and writes until there is a reason to end.
    pub(crate) fn poll_run<C: Callee>(
        &mut self,
        cx: &mut TaskContext<'_>,
        incoming: &mut Incoming<S, C>,
    ) -> Poll<End> {
        if let Some(rest) = ready!(self.side.outbox().poll_wake_up(cx)) {
            self.transport.resume(rest);
        }
        loop {
            let mut progress = match self.poll_input(cx, incoming) {
                Ok(progress) => progress,
                Err(end) => return Poll::Ready(end),
            };
            progress |= incoming.poll(cx);
            match self.poll_write(cx, !progress, true) {
                Ok(freed) => progress |= freed,
                Err(end) => return Poll::Ready(end),
            }
            if !progress {
                self.side.outbox().fall_asleep(self.transport.unsent());
                return Poll::Pending;
            }
        }
    }

    /// Takes what is queued and writes it; whether that made room, so that reading may go on. `park`: until nothing more is queued
    /// or the transport takes no more, and have the next push wake the task.
    ///
    /// A batch is written completely before the next is taken, so that the time it takes can be limited.
    pub(crate) fn poll_write(
        &mut self,
        cx: &mut TaskContext<'_>,
        park: bool,
        signals: bool,
    ) -> Result<bool, End> {
        let mut freed = self.replay.is_some() && self.poll_renewed(cx);
        let mut asked = false;
        loop {
            match self.take(cx, park) {
                Taken::Signal(signal) if signals => return Err(self.signaled(signal)),
                Taken::Signal(signal) => {
                    self.side.outbox().put_back(signal);
                    return Ok(freed | self.poll_flush(cx)?);
                }
                // The transport has just been asked to write.
                Taken::Nothing if asked => return Ok(freed),
                Taken::Nothing => {}
                Taken::Packets => {
                    self.side.clocks().sent(self.side.now());
                    // What is held back goes on with acknowledgements, which are read even while there is no room.
                    freed |= self.replay.is_some();
                }
            }
            // What queued up behind a batch goes out as soon as the batch is written.
            asked = park && self.transport.unsent() > 0;
            freed |= self.poll_flush(cx)?;
            if !asked {
                return Ok(freed);
            }
        }
    }

    /// Whether another link was taken up: it begins with a number and all that the peer may have missed.
    fn poll_renewed(&mut self, cx: &mut TaskContext<'_>) -> bool {
        if self.transport.poll_renewed(cx).is_pending() {
            return false;
        }
        // The peer repeats what was not acknowledged, and that is acknowledged when it is handled.
        self.inbound.clear();
        let (clocks, now) = (self.side.clocks(), self.side.now());
        if let Some(replay) = &mut self.replay {
            // A peer that says nothing on any of its links is silent.
            if replay.is_numbered() {
                clocks.received(now);
            }
            replay.renew(self.side.protocol(), &mut self.transport);
        }
        clocks.sent(now);
        self.side.outbox().set_stuck(None);
        true
    }

    fn take(&mut self, cx: &TaskContext<'_>, park: bool) -> Taken {
        let outbox = self.side.outbox();
        if self.transport.is_polled() || self.transport.unsent() == 0 {
            let (transport, replay) = (&mut self.transport, &mut self.replay);
            return outbox.take(cx, park, |packet| match replay {
                None => transport.push(packet),
                Some(replay) => replay.send(packet, transport),
            });
        }
        match outbox.take_signal(cx, park) {
            Some(signal) => Taken::Signal(signal),
            None => Taken::Nothing,
        }
    }

    /// Whether there is room for more where there was none: to push, or to answer what reading brings.
    fn poll_flush(&mut self, cx: &mut TaskContext<'_>) -> Result<bool, End> {
        let before = self.transport.unsent();
        let outbox = self.side.outbox();
        let held = self.replay.as_ref().map_or(0, |replay| replay.held_bytes());
        match self.transport.poll_flush(cx) {
            Poll::Ready(Ok(())) if self.replay.is_some() => {
                // A peer that acknowledges nothing is as one that takes nothing. One that is not there has its own time.
                let waits = held > 0 && self.transport.is_linked();
                outbox.set_stuck(waits.then(|| self.side.now()));
                Ok(outbox.wrote(held) || before > 0)
            }
            Poll::Ready(Ok(())) => {
                // Also where nothing was left: a stream may take bytes at once and flush them later.
                outbox.set_stuck(None);
                Ok(before > 0 && outbox.wrote(0))
            }
            Poll::Ready(Err(error)) => Err(End::gone(error)),
            Poll::Pending => {
                outbox.set_stuck((!self.transport.is_polled()).then(|| self.side.now()));
                Ok(outbox.wrote(self.transport.unsent() + held))
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
        if self.replay.is_some() {
            progress = self.handle_parked(cx, incoming)?;
        }
        while self.may_read(incoming) {
            let protocol = self.side.protocol();
            let frame = self.inbound.next(protocol.is_binary()).map_err(failed)?;
            let Some(frame) = frame else {
                if read || !self.poll_read(cx)? {
                    self.side.clocks().set_deaf(false, self.side.now());
                    return Ok(progress);
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
            let admitted =
                Replay::admits(&mut self.replay, &message, &self.side, &mut self.transport);
            if !admitted.map_err(failed)? {
                continue;
            }
            hand_over(cx, incoming, message, frame.len(), detailed)?;
        }
        let is_blocked = self
            .replay
            .as_ref()
            .is_some_and(|replay| replay.is_blocked());
        let mut is_deaf = !is_blocked;
        if is_blocked {
            progress |= self.poll_parking(cx, incoming)?;
        } else {
            let heard = self.poll_unanswered(cx, incoming)?;
            progress |= heard.progress;
            is_deaf = heard.is_deaf;
        }
        // Silence counts for a peer that we listen to.
        self.side.clocks().set_deaf(is_deaf, self.side.now());
        Ok(progress)
    }

    /// Reading stops while too much waits: calls for their turn, items for their reader, answers for the client to read.
    pub(super) fn may_read<C: Callee>(&self, incoming: &mut Incoming<S, C>) -> bool {
        !self.side.outbox().is_ended() && !incoming.must_wait() && !self.side.outbox().is_full()
    }

    /// Whether bytes came.
    pub(super) fn poll_read(&mut self, cx: &mut TaskContext<'_>) -> Result<bool, End> {
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

/// Handles a message.
///
/// # Errors
/// It is the last.
#[inline]
pub(super) fn hand_over<S: Side, C: Callee>(
    cx: &mut TaskContext<'_>,
    incoming: &mut Incoming<S, C>,
    message: Message<'_>,
    size: usize,
    detailed: bool,
) -> Result<(), End> {
    let step = incoming.message(cx, message, size);
    match step.map_err(|error| End::failed(error, detailed))? {
        Step::Next => Ok(()),
        Step::Closed {
            error,
            allow_reconnect,
        } => Err(End {
            close: Some(CloseMessage::default()),
            reason: error.map(|text| Kind::ClosedByPeer(text).into()),
            peer_allows_reconnect: Some(allow_reconnect),
        }),
    }
}
