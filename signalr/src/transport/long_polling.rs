//! The connection task's end of long polling (transports reference, section 7).

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use bytes::{Bytes, BytesMut};

use super::{Ending, Read, Transport, inlet::Inlet, polls::Polls};
use crate::{error::Error, packet::Packet};

/// POST bodies in, and out what the next poll takes.
pub(crate) struct LongPolling {
    inlet: Arc<Inlet>,
    polls: Arc<Polls>,
    /// What was pushed since the last flush.
    batch: Vec<Bytes>,
    /// What no poll has taken away, when last looked.
    unsent: usize,
}

impl LongPolling {
    pub(crate) fn new(inlet: Arc<Inlet>, polls: Arc<Polls>) -> Self {
        Self {
            inlet,
            polls,
            batch: Vec::new(),
            unsent: 0,
        }
    }
}

impl Transport for LongPolling {
    fn is_binary(&self) -> bool {
        true
    }

    fn is_polled(&self) -> bool {
        true
    }

    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        into: &mut BytesMut,
    ) -> Poll<Result<Read, Error>> {
        self.inlet.poll_read(cx, into).map(Ok)
    }

    fn push(&mut self, packet: Packet) {
        self.unsent += packet.len();
        self.batch.push(packet.into_payload());
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.unsent = self.polls.supply(cx, &mut self.batch);
        if self.unsent == 0 {
            Poll::Ready(Ok(()))
        } else {
            Poll::Pending
        }
    }

    fn unsent(&self) -> usize {
        self.unsent
    }

    fn close(&mut self, _: Ending) {
        self.inlet.end();
        self.polls.end(&mut self.batch);
    }

    fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.polls.poll_over(cx)
    }
}

impl Drop for LongPolling {
    fn drop(&mut self) {
        self.inlet.end();
        self.polls.cut_off();
    }
}
