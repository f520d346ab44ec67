//! Further links of one connection, after the one that there was is lost.

use std::{
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use super::rt::{Instant, sleep, timeout};
use crate::{
    connection::BoxFuture,
    error::{Error, Kind},
    transport::{Transport, relinked::Source},
};

/// Opens another link to the same server, for the same connection: no negotiation, no handshake.
pub(super) type Redial =
    Box<dyn Fn() -> BoxFuture<Result<Box<dyn Transport>, Error>> + Send + Sync>;

/// How long a server waits for a link, if it is set as all are.
const WINDOW: Duration = Duration::from_secs(15);
/// Between two attempts: the first of them, and the longest.
const PAUSES: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(2)];

/// Tries at once, and then again and again while the server may wait.
pub(super) struct Redialing {
    redial: Arc<Redial>,
    trying: Option<BoxFuture<Result<Found, Error>>>,
    /// Since the server was last heard: a link on which it does not say its number is no better than none.
    search: Option<Search>,
}

type Found = (Box<dyn Transport>, Search);

/// The attempts after a loss.
#[derive(Clone, Copy)]
struct Search {
    begun: Instant,
    /// Before the next attempt.
    pause: Duration,
}

impl Redialing {
    pub(super) fn new(redial: Redial) -> Self {
        Self {
            redial: Arc::new(redial),
            trying: None,
            search: None,
        }
    }
}

impl Source for Redialing {
    fn poll_link(
        &mut self,
        cx: &mut Context<'_>,
        lost: bool,
    ) -> Poll<Result<Box<dyn Transport>, Error>> {
        if !lost {
            return Poll::Pending;
        }
        let (redial, search) = (&self.redial, self.search);
        let trying = self.trying.get_or_insert_with(|| {
            let search = search.unwrap_or_else(Search::new);
            Box::pin(search.dial(Arc::clone(redial)))
        });
        let found = ready!(trying.as_mut().poll(cx));
        self.trying = None;
        Poll::Ready(found.map(|(link, search)| {
            self.search = Some(search);
            link
        }))
    }

    fn want(&mut self, links: bool) {
        if !links {
            self.trying = None;
        }
    }

    fn heard(&mut self) {
        self.search = None;
    }
}

impl Search {
    fn new() -> Self {
        Self {
            begun: Instant::now(),
            pause: Duration::ZERO,
        }
    }

    /// The pause before the next attempt, and a longer one before the one after that.
    fn next_pause(&mut self) -> Duration {
        let longer = (2 * self.pause).clamp(PAUSES[0], PAUSES[1]);
        std::mem::replace(&mut self.pause, longer)
    }

    async fn dial(mut self, redial: Arc<Redial>) -> Result<Found, Error> {
        let mut last = None;
        let left = WINDOW.saturating_sub(self.begun.elapsed());
        let dialing = async {
            loop {
                let pause = self.next_pause();
                if !pause.is_zero() {
                    sleep(pause).await;
                }
                match redial().await {
                    // The server has answered, and will not answer otherwise.
                    Err(error) if error.is_status() => return Err(error),
                    Err(error) => last = Some(error),
                    Ok(link) => return Ok(link),
                }
            }
        };
        let error = match timeout(left, dialing).await {
            Ok(Ok(link)) => return Ok((link, self)),
            Ok(Err(error)) => Some(error),
            Err(_) => last,
        };
        let what = "Reconnect attempt failed.".to_owned();
        let source = match error {
            Some(error) => error.into(),
            None => format!("in {WINDOW:?} there was no link on which the server said its number")
                .into(),
        };
        Err(Kind::ConnectBy { what, source }.into())
    }
}
