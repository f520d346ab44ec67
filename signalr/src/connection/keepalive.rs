//! When to ping and when to give a silent peer up, on any clock that counts milliseconds.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

/// What is due at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    Nothing,
    Ping,
    TimedOut,
}

/// The two clocks of a connection: what was sent last and what was received last.
///
/// A ping is due after an interval in which nothing at all was sent: any message tells the peer that we live. (ASP.NET Core counts
/// from ping to ping; both are legal.) Receiving never touches the sending clock and the other way round, so neither a chatty nor
/// a deaf peer can switch the other side's rule off.
#[derive(Debug)]
pub(crate) struct KeepAlive {
    interval: u64,
    timeout: u64,
    sent: AtomicU64,
    received: AtomicU64,
    /// While we do not read, silence is not the peer's fault.
    deaf: AtomicBool,
    /// Silence counts.
    armed: AtomicBool,
}

impl KeepAlive {
    /// `interval` and `timeout` are milliseconds; `now` is the clock's reading.
    pub(crate) fn new(interval: u64, timeout: u64, now: u64) -> Self {
        Self {
            interval,
            timeout,
            sent: AtomicU64::new(now),
            received: AtomicU64::new(now),
            deaf: AtomicBool::new(false),
            armed: AtomicBool::new(true),
        }
    }

    /// For a transport whose requests are signs of life: no pings, and silence counts only for a peer that has pinged (transports
    /// reference, section 7.5).
    pub(crate) fn inherent(timeout: u64, now: u64) -> Self {
        Self {
            armed: AtomicBool::new(false),
            ..Self::new(u64::MAX, timeout, now)
        }
    }

    /// The peer has pinged: it wants to be missed.
    pub(crate) fn pinged(&self) {
        self.armed.store(true, Relaxed);
    }

    pub(crate) fn sent(&self, now: u64) {
        self.sent.store(now, Relaxed);
    }

    pub(crate) fn received(&self, now: u64) {
        self.received.store(now, Relaxed);
    }

    /// Stops the peer's clock while we do not read, and starts it afresh afterwards (SV-91).
    pub(crate) fn set_deaf(&self, deaf: bool, now: u64) {
        // Asked for each message, by the connection's task alone.
        if self.deaf.load(Relaxed) != deaf {
            if !deaf {
                self.received(now);
            }
            self.deaf.store(deaf, Relaxed);
        }
    }

    /// Clocks that are read in steps lag behind: a time-out waits until it has surely passed.
    pub(crate) fn due(&self, now: u64) -> Due {
        let silence = now.saturating_sub(self.received.load(Relaxed));
        let counts = self.armed.load(Relaxed) && !self.deaf.load(Relaxed);
        if silence > self.timeout && counts {
            Due::TimedOut
        } else if now.saturating_sub(self.sent.load(Relaxed)) >= self.interval {
            Due::Ping
        } else {
            Due::Nothing
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pings_only_after_an_interval_without_sending() {
        let clocks = KeepAlive::new(1_000, 3_000, 0);
        assert_eq!(clocks.due(999), Due::Nothing);
        assert_eq!(clocks.due(1_000), Due::Ping);
        clocks.sent(900);
        assert_eq!(clocks.due(1_899), Due::Nothing);
        assert_eq!(clocks.due(1_900), Due::Ping);
    }

    #[test]
    fn receiving_does_not_put_the_ping_off() {
        let clocks = KeepAlive::new(1_000, 3_000, 0);
        for now in (100..=1_000).step_by(100) {
            clocks.received(now);
        }
        assert_eq!(clocks.due(1_000), Due::Ping);
    }

    #[test]
    fn sending_does_not_keep_a_silent_peer_alive() {
        let clocks = KeepAlive::new(1_000, 3_000, 0);
        for now in (500..=3_000).step_by(500) {
            clocks.sent(now);
        }
        assert_ne!(clocks.due(3_000), Due::TimedOut);
        assert_eq!(clocks.due(3_001), Due::TimedOut);
    }

    #[test]
    fn with_a_sign_of_life_of_its_own_only_a_peer_that_pings_is_timed_out() {
        let clocks = KeepAlive::inherent(3_000, 0);
        assert_eq!(clocks.due(1_000_000), Due::Nothing);
        clocks.received(1_000_000);
        clocks.pinged();
        assert_eq!(clocks.due(1_003_000), Due::Nothing);
        assert_eq!(clocks.due(1_003_001), Due::TimedOut);
    }

    #[test]
    fn silence_does_not_count_while_we_are_deaf() {
        let clocks = KeepAlive::new(60_000, 3_000, 0);
        clocks.set_deaf(true, 1_000);
        assert_eq!(clocks.due(50_000), Due::Nothing);
        clocks.set_deaf(false, 50_000);
        assert_eq!(clocks.due(53_000), Due::Nothing);
        assert_eq!(clocks.due(53_001), Due::TimedOut);
    }
}
