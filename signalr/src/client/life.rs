//! A connection's life: it is started, lost, opened again, and ends.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use tokio::sync::oneshot;

use super::{
    events::Event,
    retry::RetryContext,
    rt::{self, Instant, either, sleep},
    session::{Lost, Session},
    shared::{Life, Phase, Shared},
};
use crate::error::{Error, Kind};

type Started = oneshot::Sender<Result<(), Error>>;

/// Starts a connection, on a task of its own.
///
/// # Errors
/// It is started already, cannot be opened, or is stopped meanwhile.
pub(super) async fn start(shared: &Arc<Shared>) -> Result<(), Error> {
    let life = shared.begin()?;
    let (sender, started) = oneshot::channel();
    let shared = Arc::clone(shared);
    rt::spawn(async move { live(&shared, &life, sender).await });
    started.await.unwrap_or_else(|_| Err(stopped("start")))
}

async fn live(shared: &Arc<Shared>, life: &Life, mut started: Started) {
    let given_up = either(life.stop.cancelled(), started.closed());
    let opened = either(given_up, open_first(shared)).await;
    let mut session = match opened {
        Ok(_) => {
            shared.end();
            let _ = started.send(Err(stopped("start")));
            return;
        }
        Err(Err(error)) => {
            shared.end();
            let _ = started.send(Err(error));
            return;
        }
        Err(Ok(session)) => session,
    };
    shared.enter(Phase::Connected(session.line.clone()));
    let _ = started.send(Ok(()));
    let reason = loop {
        let lost = session.run(&life.stop).await;
        match reopen(shared, life, lost).await {
            Ok(reopened) => session = reopened,
            Err(reason) => break reason,
        }
        let id = session.line.id.clone();
        shared.enter(Phase::Connected(session.line.clone()));
        shared.events.tell(Event::Reconnected(id));
    };
    shared.end();
    shared.events.tell(Event::Closed(reason));
}

async fn open(shared: &Shared) -> Result<Session, Error> {
    let connected = shared.connect.connect().await?;
    Session::open(connected, &shared.options, &shared.handlers, &shared.events).await
}

/// The first time; again and again if that is wanted.
async fn open_first(shared: &Shared) -> Result<Session, Error> {
    let (begun, mut attempts) = (Instant::now(), 0);
    loop {
        let error = match open(shared).await {
            Err(error) if shared.options.retry_start => error,
            opened => return opened,
        };
        let delay = next_delay(shared, attempts, begun.elapsed(), Some(&error));
        attempts += 1;
        sleep(delay.ok_or(error)?).await;
    }
}

/// After a loss.
///
/// # Errors
/// It is the end, with what the users learn of it.
async fn reopen(shared: &Shared, life: &Life, lost: Lost) -> Result<Session, Option<Error>> {
    let Lost {
        error,
        may_reconnect,
    } = lost;
    let (begun, mut attempts) = (Instant::now(), 0);
    if !may_reconnect {
        return Err(error);
    }
    let delay = next_delay(shared, attempts, Duration::ZERO, error.as_ref());
    let Some(mut delay) = delay else {
        return Err(error);
    };
    shared.enter(Phase::Reconnecting { trying: false });
    shared.events.tell(Event::Reconnecting(error));
    loop {
        if either(life.stop.cancelled(), sleep(delay)).await.is_ok() {
            return Err(Some(stopped("reconnect delay")));
        }
        shared.enter(Phase::Reconnecting { trying: true });
        let error = match either(life.stop.cancelled(), open(shared)).await {
            Ok(()) => return Err(Some(stopped("reconnect attempt"))),
            Err(Ok(session)) => return Ok(session),
            Err(Err(error)) => error,
        };
        tracing::debug!(?error, attempts, "an attempt to reconnect failed");
        attempts += 1;
        let elapsed = begun.elapsed();
        delay = match next_delay(shared, attempts, elapsed, Some(&error)) {
            Some(delay) => delay,
            None => {
                let exhausted = Kind::RetriesExhausted {
                    attempts,
                    elapsed,
                    source: error,
                };
                return Err(Some(exhausted.into()));
            }
        };
        shared.enter(Phase::Reconnecting { trying: false });
    }
}

/// Asks the policy; one that panics has given up.
fn next_delay(
    shared: &Shared,
    previous_attempts: u32,
    elapsed: Duration,
    reason: Option<&Error>,
) -> Option<Duration> {
    let policy = shared.options.retry.as_ref()?;
    let retry = RetryContext {
        previous_attempts,
        elapsed,
        reason,
    };
    let asked = catch_unwind(AssertUnwindSafe(|| policy.next_delay(&retry)));
    asked.unwrap_or_else(|_| {
        tracing::error!("the retry policy panicked");
        None
    })
}

fn stopped(during: &str) -> Error {
    let text = match during {
        "start" => "The connection was stopped before it was started.".to_owned(),
        _ => format!("Connection stopped during {during}. Done reconnecting."),
    };
    Kind::NotConnected(text.into()).into()
}
