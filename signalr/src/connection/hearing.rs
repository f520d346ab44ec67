//! Reading where nothing more can be said: while the queue is full, and when the connection has come to its end.

use std::task::Context as TaskContext;
#[cfg(feature = "client")]
use std::task::Poll;

use super::{Callee, End, Incoming, Pump, Replay, Side, pump::hand_over};
#[cfg(feature = "client")]
use crate::transport::Read;
use crate::{protocol::Message, transport::Transport};

/// What became of reading.
pub(super) struct Heard {
    pub(super) progress: bool,
    /// Reading has stopped: silence is not the peer's fault.
    pub(super) is_deaf: bool,
}

impl<T: Transport, S: Side> Pump<T, S> {
    /// Handles what comes while the queue is full, up to what would have to be answered: that waits for its turn among those who wait for
    /// room. The other end may wait for us to read before it does so itself, and its goodbye is not to wait.
    pub(super) fn poll_unanswered<C: Callee>(
        &mut self,
        cx: &mut TaskContext<'_>,
        incoming: &mut Incoming<S, C>,
    ) -> Result<Heard, End> {
        let detailed = self.side.limits().detailed_errors;
        let failed = |error| End::failed(error, detailed);
        let (mut read, mut progress) = (false, false);
        let is_deaf = loop {
            if self.is_parking() || incoming.must_wait() {
                break true;
            }
            if !self.side.outbox().is_full() {
                // There is room again, or this is the end.
                progress |= !self.side.outbox().is_ended();
                break true;
            }
            let protocol = self.side.protocol();
            let mark = self.inbound.mark();
            let frame = self.inbound.next(protocol.is_binary()).map_err(failed)?;
            let Some(frame) = frame else {
                if read || !self.poll_read(cx)? {
                    break false;
                }
                (read, progress) = (true, true);
                continue;
            };
            let message = protocol.decode(frame).map_err(failed)?;
            if matches!(&message, Some(Message::Invocation(call)) if call.id.is_some())
                && !incoming.may_answer(cx)
            {
                drop(message);
                self.inbound.rewind(mark);
                break true;
            }
            progress = true;
            self.side.clocks().received(self.side.now());
            let Some(message) = message else {
                continue;
            };
            let admitted =
                Replay::admits(&mut self.replay, &message, &self.side, &mut self.transport);
            if !admitted.map_err(failed)? {
                continue;
            }
            hand_over(cx, incoming, message, frame.len(), detailed)?;
        };
        Ok(Heard { progress, is_deaf })
    }

    /// Handles what has arrived though nothing can be written any more, so that the peer's goodbye is heard.
    #[cfg(feature = "client")]
    pub(crate) fn poll_last_words<C: Callee>(
        &mut self,
        cx: &mut TaskContext<'_>,
        incoming: &mut Incoming<S, C>,
    ) -> Option<End> {
        while let Some(frame) = self.replay.as_mut().and_then(|replay| replay.parked.pop()) {
            if let Some(message) = self.side.protocol().decode(&frame).ok()?
                && let Some(end) = last_word(cx, incoming, message, frame.len())
            {
                return Some(end);
            }
        }
        loop {
            let protocol = self.side.protocol();
            let Some(frame) = self.inbound.next(protocol.is_binary()).ok()? else {
                match self.transport.poll_read(cx, self.inbound.space()) {
                    Poll::Ready(Ok(Read::Data)) => continue,
                    _ => return None,
                }
            };
            let Some(message) = protocol.decode(frame).ok()? else {
                continue;
            };
            let admitted =
                Replay::admits(&mut self.replay, &message, &self.side, &mut self.transport);
            if !admitted.ok()? {
                continue;
            }
            if let Some(end) = last_word(cx, incoming, message, frame.len()) {
                return Some(end);
            }
        }
    }
}

/// Handles one message, if there is room for it; the end, if it is a goodbye.
#[cfg(feature = "client")]
fn last_word<S: Side, C: Callee>(
    cx: &mut TaskContext<'_>,
    incoming: &mut Incoming<S, C>,
    message: Message<'_>,
    size: usize,
) -> Option<End> {
    if !matches!(message, Message::Close { .. }) && incoming.must_wait() {
        return None;
    }
    let handled = hand_over(cx, incoming, message, size, false);
    handled
        .err()
        .filter(|end| end.peer_allows_reconnect.is_some())
}
