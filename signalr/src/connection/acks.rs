//! When to tell the peer what has come.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};

/// Milliseconds between two acknowledgements: a second, or the clock's tick that comes a little early for it.
const EVERY: u64 = 990;

/// What has been received and what was acknowledged; written by the connection's task, read by what keeps its clocks.
#[derive(Debug, Default)]
pub(crate) struct Acks {
    /// Number of the last message that has come.
    received: AtomicI64,
    said: AtomicI64,
    said_at: AtomicU64,
}

impl Acks {
    pub(super) fn set_received(&self, number: i64) {
        self.received.store(number, Relaxed);
    }

    /// The peer may not have heard what was said.
    pub(super) fn forget(&self) {
        self.said.store(0, Relaxed);
    }

    /// Whether there is something to say, and time to say it.
    pub(crate) fn is_due(&self, now: u64) -> bool {
        self.received.load(Relaxed) > self.said.load(Relaxed)
            && now.saturating_sub(self.said_at.load(Relaxed)) >= EVERY
    }

    /// The number to acknowledge, which is said by that.
    pub(crate) fn say(&self, now: u64) -> i64 {
        let number = self.received.load(Relaxed);
        self.said.store(number, Relaxed);
        self.said_at.store(now, Relaxed);
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_acknowledgement_is_due_once_a_second_and_only_with_news() {
        let acks = Acks::default();
        assert!(!acks.is_due(5_000));
        acks.set_received(2);
        assert!(acks.is_due(5_000));
        assert_eq!(acks.say(5_000), 2);
        assert!(!acks.is_due(9_000));
        acks.set_received(3);
        assert!(acks.is_due(9_000));
        assert_eq!(acks.say(9_000), 3);
        acks.set_received(4);
        assert!(!acks.is_due(9_900));
        assert!(acks.is_due(10_000));
    }

    #[test]
    fn what_the_peer_may_have_missed_is_said_again() {
        let acks = Acks::default();
        acks.set_received(2);
        acks.say(5_000);
        acks.forget();
        assert!(acks.is_due(6_000));
    }
}
