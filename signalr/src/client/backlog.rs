//! Handlers that wait for what stands behind messages that wait for handlers.

use super::{options::Options, rt::millis};
use crate::{
    connection::{Callee, Handled},
    error::{Error, Kind},
};

/// Notices that a line of messages does not move. Where it is the longest, reading has stopped behind it, so whoever waits for an answer of
/// the server may wait for ever, and the connection's other clocks stand still.
#[derive(Default)]
pub(super) struct Backlog {
    /// The first of the line, and since when.
    seen: Option<(u64, u64)>,
    has_warned: bool,
}

impl Backlog {
    /// Takes note of the number of the first that waits, and whether the line is full, once a tick; the error when it has been the same for
    /// too long in a full one.
    pub(super) fn look(
        &mut self,
        first: Option<(u64, bool)>,
        now: u64,
        options: &Options,
    ) -> Option<Error> {
        let Some((first, is_full)) = first else {
            *self = Self::default();
            return None;
        };
        let since = match self.seen {
            Some((seen, since)) if seen == first => since,
            _ => {
                self.has_warned = false;
                now
            }
        };
        self.seen = Some((first, since));
        let after = options.server_timeout;
        let is_stuck = now.saturating_sub(since) > millis(after);
        let limit = Handled::LONGEST_LINE.unwrap_or_default();
        if is_stuck && !self.has_warned {
            tracing::warn!(
                ?after,
                "messages wait, and no handler has ended for the `server_timeout`"
            );
            self.has_warned = true;
        }
        (is_stuck && is_full).then(|| Kind::HandlersStuck { limit, after }.into())
    }
}
