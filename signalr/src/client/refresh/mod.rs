//! New credentials for an open connection: when they are due, and who learns of them.

mod api;

use std::{
    convert::Infallible,
    future::poll_fn,
    pin::pin,
    sync::Arc,
    task::{Poll, ready},
    time::Duration,
};

use tokio::sync::{Mutex, watch};
use tokio_util::sync::CancellationToken;

use super::{
    events::{Event, Events},
    rt::{Instant, either, sleep},
};
use crate::{
    connection::BoxFuture,
    error::{Error, Kind},
};

/// The least and the most that passes before a refresh, whatever the server says: it is not hammered, and timers are not overwound.
const DELAYS: [Duration; 2] = [
    Duration::from_secs(1),
    Duration::from_secs(365 * 24 * 60 * 60),
];

/// Shows the server new credentials; gives their lifetime, if they have one.
pub(super) type Request = Box<dyn Fn() -> BoxFuture<Result<Option<Duration>, Error>> + Send + Sync>;

/// How a connection gets new credentials.
pub(super) struct Refresh {
    pub(super) request: Request,
    /// How long before the end of a lifetime; `None`: when somebody says so.
    pub(super) before: Option<Duration>,
    pub(super) lifetime: Option<Lifetime>,
}

/// How long credentials are valid.
#[derive(Clone, Copy)]
pub(super) struct Lifetime {
    pub(super) length: Duration,
    pub(super) told: Instant,
}

/// Refreshes the credentials of one connection, by itself and when it is told to; one time after the other.
pub(super) struct Refresher {
    request: Request,
    before: Option<Duration>,
    events: Arc<Events>,
    due: watch::Sender<Option<Instant>>,
    turn: Mutex<()>,
    over: CancellationToken,
}

impl Refresher {
    pub(super) fn new(refresh: Refresh, events: &Arc<Events>) -> Self {
        let this = Self {
            request: refresh.request,
            before: refresh.before,
            events: Arc::clone(events),
            due: watch::Sender::new(None),
            turn: Mutex::new(()),
            over: CancellationToken::new(),
        };
        if let Some(lifetime) = refresh.lifetime {
            this.schedule(lifetime);
        }
        this
    }

    pub(super) fn is_automatic(&self) -> bool {
        self.before.is_some()
    }

    /// Refreshes whenever it is due, until it is dropped.
    pub(super) async fn keep_fresh(&self) -> Infallible {
        let mut due = self.due.subscribe();
        loop {
            let Some(at) = *due.borrow_and_update() else {
                // The sender lives as long as we do.
                let _ = due.changed().await;
                continue;
            };
            if either(due.changed(), wait_until(at)).await.is_ok() {
                continue;
            }
            let _turn = self.turn.lock().await;
            // Somebody may have been faster.
            let is_due = self
                .due
                .send_if_modified(|due| due.take_if(|due| *due == at).is_some());
            if is_due && let Err(error) = self.refresh_now().await {
                tracing::debug!(?error, "an authentication refresh failed");
            }
        }
    }

    /// Refreshes at once.
    ///
    /// # Errors
    /// The server refuses or is not reached, the provider fails, or the connection ends.
    pub(super) async fn refresh(&self) -> Result<Option<Duration>, Error> {
        let refreshing = async {
            let _turn = self.turn.lock().await;
            self.refresh_now().await
        };
        match either(self.over.cancelled(), refreshing).await {
            Ok(()) => {
                let text = "the connection ended before its authentication was refreshed";
                Err(Kind::NotConnected(text.into()).into())
            }
            Err(refreshed) => refreshed,
        }
    }

    /// The connection has ended.
    pub(super) fn end(&self) {
        self.over.cancel();
    }

    async fn refresh_now(&self) -> Result<Option<Duration>, Error> {
        let refreshed = (self.request)().await;
        match &refreshed {
            Ok(lifetime) => {
                if let Some(length) = *lifetime {
                    let told = Instant::now();
                    self.schedule(Lifetime { length, told });
                }
                self.events.tell(Event::AuthenticationRefreshed(*lifetime));
            }
            Err(error) => {
                let failed = Event::AuthenticationRefreshFailed(error.clone());
                self.events.tell(failed);
            }
        }
        refreshed
    }

    fn schedule(&self, lifetime: Lifetime) {
        if let Some(before) = self.before {
            let at = lifetime.told + delay(lifetime.length, before);
            self.due.send_replace(Some(at));
        }
    }
}

/// Looks at the clock whenever it is polled: a browser's timers are late on a hidden page, and have an end of 24 days.
async fn wait_until(at: Instant) {
    let left = || at.saturating_duration_since(Instant::now());
    let mut timer = pin!(sleep(left()));
    poll_fn(|cx| {
        while !left().is_zero() {
            ready!(timer.as_mut().poll(cx));
            timer.set(sleep(left()));
        }
        Poll::Ready(())
    })
    .await;
}

/// After how much of a lifetime it is time.
fn delay(lifetime: Duration, before: Duration) -> Duration {
    let delay = match lifetime <= before.saturating_mul(2) {
        true => lifetime / 2,
        false => lifetime - before,
    };
    delay.clamp(DELAYS[0], DELAYS[1])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_lifetime_is_refreshed_at_its_half_and_a_long_one_before_its_end() {
        let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
        let seconds = Duration::from_secs;
        for (lifetime, before, expected) in [
            (minutes(60), minutes(5), minutes(55)),
            (seconds(601), minutes(5), seconds(301)),
            (minutes(10), minutes(5), minutes(5)),
            (seconds(360), minutes(5), seconds(180)),
            (seconds(4), minutes(5), seconds(2)),
            (seconds(4), seconds(1), seconds(3)),
            // A server that says little is not asked all the time.
            (seconds(1), minutes(5), DELAYS[0]),
            (Duration::ZERO, minutes(5), DELAYS[0]),
            // Nor does much of anything overflow.
            (seconds(u64::MAX), minutes(5), DELAYS[1]),
            (Duration::MAX, Duration::MAX, DELAYS[1]),
            (minutes(10), Duration::MAX, minutes(5)),
        ] {
            assert_eq!(delay(lifetime, before), expected, "{lifetime:?} {before:?}");
        }
    }
}
