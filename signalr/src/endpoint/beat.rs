//! The shared heartbeat: one clock and one tick for all connections of an endpoint.

use std::{
    sync::{
        Arc, Weak,
        atomic::{
            AtomicBool, AtomicU64,
            Ordering::{Relaxed, SeqCst},
        },
    },
    time::Duration,
};

use tokio::time::Instant;

use super::front::{Attached, Front};

/// A clock that is read for free and moves in steps, and the task that moves it while there is a connection.
pub(super) struct Heart {
    clock: Clock,
    period: Duration,
    beating: AtomicBool,
}

impl Heart {
    pub(super) fn new(period: Duration) -> Self {
        Self {
            clock: Clock::default(),
            period,
            beating: AtomicBool::new(false),
        }
    }

    /// Milliseconds on the clock.
    pub(super) fn now(&self) -> u64 {
        self.clock.now.load(Relaxed)
    }
}

impl<C: Attached> Front<C> {
    /// Keeps the clock going while there is a connection, open or negotiated.
    pub(super) fn keep_beating(self: &Arc<Self>) {
        if self.heart.beating.swap(true, SeqCst) {
            return;
        }
        self.heart.clock.advance();
        let mut pacemaker = Pacemaker {
            front: Arc::downgrade(self),
            stopped: false,
        };
        let period = self.heart.period;
        tokio::spawn(async move {
            let mut ticks = tokio::time::interval(period);
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                let Some(front) = pacemaker.front.upgrade() else {
                    return;
                };
                pacemaker.stopped = !front.beat();
                if pacemaker.stopped {
                    return;
                }
            }
        });
    }

    /// `false`: nothing is left to beat for.
    fn beat(&self) -> bool {
        self.heart.clock.advance();
        let now = self.now();
        for (connection, beat) in self.sessions.due(now, &self.options) {
            connection.beat(beat, now, &self.options);
        }
        if self.sessions.counts() != (0, 0) {
            return true;
        }
        self.heart.beating.store(false, SeqCst);
        // A connection may have come between the look and the store; whoever gets the flag goes on.
        self.sessions.counts() != (0, 0) && !self.heart.beating.swap(true, SeqCst)
    }
}

/// The running heartbeat; a runtime that shuts down drops it, and the next connection starts another.
struct Pacemaker<C: Attached> {
    front: Weak<Front<C>>,
    /// It has stopped by itself, and said so.
    stopped: bool,
}

impl<C: Attached> Drop for Pacemaker<C> {
    fn drop(&mut self) {
        if let Some(front) = self.front.upgrade().filter(|_| !self.stopped) {
            front.heart.beating.store(false, SeqCst);
        }
    }
}

struct Clock {
    origin: Instant,
    now: AtomicU64,
}

impl Default for Clock {
    fn default() -> Self {
        Self {
            origin: Instant::now(),
            now: AtomicU64::new(0),
        }
    }
}

impl Clock {
    fn advance(&self) {
        self.now.store(millis(self.origin.elapsed()), Relaxed);
    }
}

pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
