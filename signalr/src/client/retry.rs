//! When to try again.

use std::time::Duration;

use crate::error::Error;

/// What a [`RetryPolicy`] decides on.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct RetryContext<'a> {
    /// Failed attempts since the connection was lost; 0 at first.
    pub previous_attempts: u32,
    /// Time since the connection was lost.
    pub elapsed: Duration,
    /// How many connections in a row, up to the one that was lost, had been opened after a loss and lasted less than 5 s.
    ///
    /// Where a server takes connections and ends them at once, each attempt succeeds and [`previous_attempts`](Self::previous_attempts)
    /// is 0 each time.
    pub short_lived: u32,
    /// Why the connection was lost, or the last attempt failed; `None`: the server ended the connection without an error.
    pub reason: Option<&'a Error>,
}

/// Decides how long to wait before the next attempt to connect; `None` gives up.
///
/// Implemented for closures and for lists of delays, of which there is one for each attempt. Lists and [`Backoff`] give up when the
/// server wants other credentials ([`Error::is_unauthorized`]): to ask again would only be knocking at a closed door.
///
/// A server that takes connections and ends them at once is not hammered by them either: a [`Backoff`] goes on doubling its delays until
/// a connection lasts 5 s, and a list's delays are no shorter than half a second from the second such connection on, a second from the
/// third on, and so on up to 30 s. Closures are told ([`RetryContext::short_lived`]) and decide by themselves.
///
/// # Example
///
/// ```
/// use std::time::Duration;
/// use signalr::{HubConnection, RetryContext};
///
/// // Every five seconds, for an hour.
/// let connection = HubConnection::builder("http://localhost:5000/chat")
///     .automatic_reconnect_with(|retry: &RetryContext<'_>| {
///         (retry.elapsed < Duration::from_secs(3_600)).then_some(Duration::from_secs(5))
///     })
///     .build()?;
/// # Ok::<(), signalr::Error>(())
/// ```
pub trait RetryPolicy: Send + Sync + 'static {
    /// The delay before the next attempt; `None`: there will be none.
    fn next_delay(&self, retry: &RetryContext<'_>) -> Option<Duration>;
}

impl<F: Fn(&RetryContext<'_>) -> Option<Duration> + Send + Sync + 'static> RetryPolicy for F {
    fn next_delay(&self, retry: &RetryContext<'_>) -> Option<Duration> {
        self(retry)
    }
}

impl RetryPolicy for Vec<Duration> {
    fn next_delay(&self, retry: &RetryContext<'_>) -> Option<Duration> {
        listed(self, retry)
    }
}

impl<const N: usize> RetryPolicy for [Duration; N] {
    fn next_delay(&self, retry: &RetryContext<'_>) -> Option<Duration> {
        listed(self, retry)
    }
}

/// What official clients do.
pub(super) const DEFAULT: [Duration; 4] = [
    Duration::ZERO,
    Duration::from_secs(2),
    Duration::from_secs(10),
    Duration::from_secs(30),
];

/// What a list's delays are raised to after connections that do not last: at first, and at most.
const LEAST: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(30)];

fn listed(delays: &[Duration], retry: &RetryContext<'_>) -> Option<Duration> {
    if is_refused(retry) {
        return None;
    }
    let delay = delays.get(usize::try_from(retry.previous_attempts).ok()?)?;
    // The first delay, which may be none, holds for a second loss too (CL-103).
    let least = match retry.short_lived.checked_sub(2) {
        Some(doublings) => doubled(LEAST[0], doublings, LEAST[1]),
        None => Duration::ZERO,
    };
    Some(least.max(*delay))
}

/// `delay`, doubled so often, up to a maximum.
pub(super) fn doubled(delay: Duration, doublings: u32, maximum: Duration) -> Duration {
    let factor = 2_u32.checked_pow(doublings);
    factor.map_or(maximum, |factor| delay.saturating_mul(factor).min(maximum))
}

fn is_refused(retry: &RetryContext<'_>) -> bool {
    retry.reason.is_some_and(Error::is_unauthorized)
}

/// Delays that double from attempt to attempt up to a maximum, each shortened by chance, so that the clients of a server that was
/// restarted do not all come at once. The first attempt is made at once, and it goes on until the connection stands, or for a time.
/// Delays start anew after a connection that has lasted 5 s.
///
/// # Example
///
/// ```
/// use std::time::Duration;
/// use signalr::{Backoff, HubConnection};
///
/// let connection = HubConnection::builder("http://localhost:5000/chat")
///     .automatic_reconnect_with(Backoff::new().maximum(Duration::from_secs(20)))
///     .build()?;
/// # Ok::<(), signalr::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Backoff {
    initial: Duration,
    maximum: Duration,
    give_up_after: Option<Duration>,
}

impl Backoff {
    /// From half a second to a minute, endless.
    #[must_use]
    pub fn new() -> Self {
        Self {
            initial: Duration::from_millis(500),
            maximum: Duration::from_secs(60),
            give_up_after: None,
        }
    }

    /// The delay before the second attempt; half a second if nothing is said.
    #[must_use]
    pub fn initial(mut self, delay: Duration) -> Self {
        self.initial = delay;
        self
    }

    /// The longest delay; a minute if nothing is said.
    #[must_use]
    pub fn maximum(mut self, delay: Duration) -> Self {
        self.maximum = delay;
        self
    }

    /// Makes no attempt later than this; there is no end if nothing is said.
    #[must_use]
    pub fn give_up_after(mut self, time: Duration) -> Self {
        self.give_up_after = Some(time);
        self
    }

    /// `chance` is one of 256.
    fn delay(&self, attempts: u32, chance: u8) -> Duration {
        let Some(doublings) = attempts.checked_sub(1) else {
            return Duration::ZERO;
        };
        let full = doubled(self.initial, doublings, self.maximum);
        // Between a half and the whole.
        full / 2 + (full / 2).mul_f64(f64::from(chance) / 255.0)
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self::new()
    }
}

impl RetryPolicy for Backoff {
    fn next_delay(&self, retry: &RetryContext<'_>) -> Option<Duration> {
        let mut chance = [128];
        // Without chance the middle will do.
        let _ = getrandom::fill(&mut chance);
        let attempts = retry.previous_attempts.saturating_add(retry.short_lived);
        let delay = self.delay(attempts, chance[0]);
        let ends = |limit| retry.elapsed.saturating_add(delay) > limit;
        (!is_refused(retry) && !self.give_up_after.is_some_and(ends)).then_some(delay)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    fn retry(previous_attempts: u32) -> RetryContext<'static> {
        RetryContext {
            previous_attempts,
            elapsed: Duration::from_secs(1),
            short_lived: 0,
            reason: None,
        }
    }

    #[test]
    fn official_delays_end_after_the_fourth() {
        let delays: Vec<_> = (0..6)
            .map(|attempt| {
                DEFAULT
                    .next_delay(&retry(attempt))
                    .map(|delay| delay.as_secs())
            })
            .collect();
        assert_eq!(delays, [Some(0), Some(2), Some(10), Some(30), None, None]);
    }

    #[test]
    fn delays_double_up_to_the_maximum_and_chance_halves_them_at_most() {
        let backoff = Backoff::new();
        let bounds = |attempts| [0, 255].map(|chance| backoff.delay(attempts, chance).as_millis());
        assert_eq!(bounds(0), [0, 0]);
        assert_eq!(bounds(1), [250, 500]);
        assert_eq!(bounds(2), [500, 1_000]);
        assert_eq!(bounds(7), [16_000, 32_000]);
        assert_eq!(bounds(8), [30_000, 60_000]);
        assert_eq!(bounds(u32::MAX), [30_000, 60_000]);
    }

    #[test]
    fn connections_that_do_not_last_are_followed_by_longer_delays() {
        let after = |short_lived| RetryContext {
            short_lived,
            ..retry(0)
        };
        let delays = [0, 1, 2, 3, 7, 8, u32::MAX].map(|short_lived| {
            DEFAULT
                .next_delay(&after(short_lived))
                .map(|it| it.as_millis())
        });
        let expected = [0, 0, 500, 1_000, 16_000, 30_000, 30_000];
        assert_eq!(delays, expected.map(Some));
        // A delay that is longer anyway stays as it is, and the list as long.
        let later = |previous_attempts| RetryContext {
            short_lived: 3,
            ..retry(previous_attempts)
        };
        assert_eq!(DEFAULT.next_delay(&later(2)), Some(Duration::from_secs(10)));
        assert_eq!(DEFAULT.next_delay(&later(4)), None);
        let backoff = Backoff::new();
        for (short_lived, attempts) in [(0, 0), (1, 1), (3, 3), (u32::MAX, u32::MAX)] {
            let bounds = [0, 255].map(|chance| backoff.delay(attempts, chance));
            let delay = backoff.next_delay(&after(short_lived)).expect("endless");
            assert!((bounds[0]..=bounds[1]).contains(&delay), "{delay:?}");
        }
    }

    #[test]
    fn backoff_ends_when_its_time_is_over() {
        let backoff = Backoff::new().give_up_after(Duration::from_secs(2));
        assert!(backoff.next_delay(&retry(1)).is_some());
        assert!(backoff.next_delay(&retry(9)).is_none());
    }

    #[test]
    fn a_refusal_is_the_end_for_all_but_closures() {
        let error = Error::from(Kind::Status {
            what: "negotiation",
            url: "http://localhost/chat".to_owned(),
            status: 401,
        });
        let refused = RetryContext {
            reason: Some(&error),
            ..retry(1)
        };
        assert_eq!(DEFAULT.next_delay(&refused), None);
        assert_eq!(vec![Duration::ZERO; 9].next_delay(&refused), None);
        assert_eq!(Backoff::new().next_delay(&refused), None);
        let always = |_: &RetryContext<'_>| Some(Duration::ZERO);
        assert!(always.next_delay(&refused).is_some());
    }
}
