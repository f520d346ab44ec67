//! Reading while nothing can be answered: what is waited for, an acknowledgement, may stand behind what has to wait.

use std::task::{Context as TaskContext, Poll};

use super::{Callee, End, Incoming, Pump, Side, pump::hand_over};
use crate::{
    protocol::Message,
    transport::{Read, Transport},
};

impl<T: Transport, S: Side> Pump<T, S> {
    /// Handles what was put aside, as far as that is possible now; whether there was any.
    pub(super) fn handle_parked<C: Callee>(
        &mut self,
        cx: &mut TaskContext<'_>,
        incoming: &mut Incoming<S, C>,
    ) -> Result<bool, End> {
        let mut progress = false;
        while self.is_parking() && self.may_read(incoming) {
            self.handle_one(cx, incoming)?;
            progress = true;
        }
        Ok(progress)
    }

    /// Takes in what comes while it cannot be handled, up to a limit, and acknowledges it: the other end may be in the same place.
    ///
    /// What needs no answer is handled all the same.
    pub(super) fn poll_parking<C: Callee>(
        &mut self,
        cx: &mut TaskContext<'_>,
        incoming: &mut Incoming<S, C>,
    ) -> Result<bool, End> {
        let (mut read, mut progress) = (false, false);
        loop {
            while self.needs_no_answer() && !self.side.outbox().is_ended() && !incoming.must_wait()
            {
                self.handle_one(cx, incoming)?;
                progress = true;
            }
            let Some(replay) = &mut self.replay else {
                return Ok(progress);
            };
            if replay.has_parked_enough() {
                tracing::debug!("the other end acknowledges too little for a stateful reconnect");
                replay.give_up(&mut self.transport);
            }
            if !replay.is_blocked() {
                // There is room, or will be as soon as this is written.
                return Ok(true);
            }
            let protocol = self.side.protocol();
            let detailed = self.side.limits().detailed_errors;
            let failed = |error| End::failed(error, detailed);
            let frame = self.inbound.next(protocol.is_binary()).map_err(failed)?;
            let Some(frame) = frame else {
                if read {
                    return Ok(true);
                }
                match self.transport.poll_read(cx, self.inbound.space()) {
                    Poll::Ready(Ok(Read::Data)) => read = true,
                    // What has come is handled before the end is.
                    Poll::Ready(Ok(Read::End)) => replay.give_up(&mut self.transport),
                    Poll::Ready(Err(error)) => return Err(End::gone(error)),
                    Poll::Pending => return Ok(progress),
                }
                continue;
            };
            progress = true;
            self.side.clocks().received(self.side.now());
            let Some(message) = protocol.decode(frame).map_err(failed)? else {
                continue;
            };
            let handle = replay.take_in(&message, &self.side, &mut self.transport);
            if handle.map_err(failed)? {
                replay.parked.push(frame);
                if matches!(message, Message::Close { .. }) {
                    // There will be no other link.
                    replay.give_up(&mut self.transport);
                }
            }
        }
    }

    pub(super) fn is_parking(&self) -> bool {
        let replay = self.replay.as_ref();
        replay.is_some_and(|replay| replay.parked.front().is_some())
    }

    /// Whether the first that was put aside makes nothing to be sent by itself.
    fn needs_no_answer(&self) -> bool {
        let replay = self.replay.as_ref();
        let Some(frame) = replay.and_then(|replay| replay.parked.front()) else {
            return false;
        };
        match self.side.protocol().decode(frame) {
            Ok(Some(Message::Invocation(invocation))) => invocation.id.is_none(),
            Ok(Some(Message::Close { .. })) => false,
            _ => true,
        }
    }

    /// Handles the first that was put aside.
    fn handle_one<C: Callee>(
        &mut self,
        cx: &mut TaskContext<'_>,
        incoming: &mut Incoming<S, C>,
    ) -> Result<(), End> {
        let Some(frame) = self.replay.as_mut().and_then(|replay| replay.parked.pop()) else {
            return Ok(());
        };
        let detailed = self.side.limits().detailed_errors;
        let message = self.side.protocol().decode(&frame);
        match message.map_err(|error| End::failed(error, detailed))? {
            Some(message) => hand_over(cx, incoming, message, frame.len(), detailed),
            None => Ok(()),
        }
    }
}
