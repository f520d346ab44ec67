//! Calls that are on their way into the queue, or wait for their answer.

use super::Caller;
use crate::connection::{Turn, outbox::has_come, outflow::Outflows};

/// A call that waits; dropping it gives it up.
pub(super) struct PendingCall {
    pub(super) caller: Caller,
    pub(super) id: String,
    pub(super) is_queued: bool,
}

impl PendingCall {
    pub(super) fn give_up(&self) {
        self.caller.give_up(&self.id, self.is_queued);
    }
}

impl Drop for PendingCall {
    fn drop(&mut self) {
        self.give_up();
    }
}

/// A call that waits for room in the queue, and who has to know whether it has got there.
pub(super) struct Queueing<'a> {
    pub(super) turn: Option<Turn>,
    pub(super) is_queued: bool,
    pub(super) uploads: &'a mut Outflows,
    pub(super) pending: Option<&'a mut PendingCall>,
}

impl Drop for Queueing<'_> {
    fn drop(&mut self) {
        // It may be queued already where nobody has polled since.
        if self.is_queued || self.turn.take().is_some_and(has_come) {
            self.uploads.announce();
            if let Some(pending) = &mut self.pending {
                pending.is_queued = true;
            }
        }
    }
}
