//! Handlers that wait for what stands behind messages that wait for handlers.

use super::{options::Options, rt::millis};
use crate::{
    connection::{Callee, Handled},
    error::{Error, Kind},
};

/// Notices that the longest line of messages does not move. Reading has stopped behind it, so whoever waits for an answer of the server may
/// wait for ever, and the connection's other clocks stand still.
#[derive(Default)]
pub(super) struct Backlog {
    /// The first of the line, and since when.
    seen: Option<(u64, u64)>,
}

impl Backlog {
    /// Takes note of the number of the first that waits in a full line, once a tick; the error when it has been the same for too long.
    pub(super) fn look(
        &mut self,
        first: Option<u64>,
        now: u64,
        options: &Options,
    ) -> Option<Error> {
        let Some(first) = first else {
            self.seen = None;
            return None;
        };
        let since = match self.seen {
            Some((seen, since)) if seen == first => since,
            _ => now,
        };
        self.seen = Some((first, since));
        let after = options.server_timeout;
        let is_stuck = now.saturating_sub(since) > millis(after);
        let limit = Handled::LONGEST_LINE.unwrap_or_default();
        is_stuck.then(|| Kind::HandlersStuck { limit, after }.into())
    }
}
