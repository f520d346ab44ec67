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
    session::{Session, broken_off},
    shared::{Begun, Life, Phase, Shared},
};
use crate::error::{Error, Kind};

type Started = oneshot::Sender<Result<(), Error>>;

/// A life that is lived. It ends with this, also where its task panics, or is dropped with its runtime.
struct Living {
    shared: Arc<Shared>,
    life: Life,
    /// Until it has begun, or could not.
    started: Option<Started>,
}

impl Living {
    fn tell_starter(&mut self, started: Result<(), Error>) {
        if let Some(starter) = self.started.take() {
            let _ = starter.send(started);
        }
    }
}

impl Drop for Living {
    fn drop(&mut self) {
        if self.life.over.is_cancelled() {
            return;
        }
        let error = broken_off();
        match std::thread::panicking() {
            true => tracing::error!("the connection's task panicked"),
            false => tracing::debug!("the connection's task was dropped"),
        }
        if self.shared.abandon() {
            let closed = Event::Closed(Some(error.clone()));
            self.shared.events.tell(closed);
        }
        self.tell_starter(Err(error));
    }
}

/// How long a connection must last to be no reason for longer delays.
const LASTING: Duration = Duration::from_secs(5);

/// Starts a connection, on a task of its own.
///
/// # Errors
/// It is started already, cannot be opened, or is stopped meanwhile.
pub(super) async fn start(shared: &Arc<Shared>) -> Result<(), Error> {
    let life = loop {
        match shared.begin()? {
            Begun::Life(life) => break life,
            Begun::Ending(life) => life.over.cancelled().await,
        }
    };
    let (sender, started) = oneshot::channel();
    // Only with a start that is dropped.
    let stop = life.stop.clone().drop_guard();
    let left = life.left.clone().drop_guard();
    let mut living = Living {
        shared: Arc::clone(shared),
        life,
        started: Some(sender),
    };
    rt::spawn(async move { live(&mut living).await });
    let started = started.await;
    left.disarm();
    stop.disarm();
    started.unwrap_or_else(|_| Err(broken_off()))
}

async fn live(living: &mut Living) {
    let opened = either(living.life.stop.cancelled(), open_first(&living.shared)).await;
    let mut session = match opened {
        Ok(()) => {
            living.shared.end();
            living.tell_starter(Err(stopped("start")));
            return;
        }
        Err(Err(error)) => {
            living.shared.end();
            living.tell_starter(Err(error));
            return;
        }
        Err(Ok(session)) => session,
    };
    let connected = Phase::Connected(session.line.clone());
    living.shared.enter(connected);
    living.tell_starter(Ok(()));
    let Living { shared, life, .. } = living;
    let mut opened = None;
    let mut short_lived = 0_u32;
    let reason = loop {
        let (lost, remains) = session.run(&life.stop).await;
        short_lived = match opened.map(|opened: Instant| opened.elapsed()) {
            Some(lasted) if lasted < LASTING => short_lived.saturating_add(1),
            _ => 0,
        };
        let retry = RetryContext {
            previous_attempts: 0,
            elapsed: Duration::ZERO,
            short_lived,
            reason: lost.error.as_ref(),
        };
        let delay = lost.may_reconnect.then(|| next_delay(shared, &retry));
        let Some(delay) = delay.flatten() else {
            if lost.is_stopped {
                remains.say_goodbye().await;
                shared.end();
            } else {
                shared.end();
                remains.leave(&lost);
            }
            break lost.error;
        };
        // Whose call fails finds the connection in its new state.
        shared.enter(Phase::Reconnecting { trying: false });
        remains.leave(&lost);
        shared.events.tell(Event::Reconnecting(lost.error));
        session = match reopen(shared, life, delay, short_lived).await {
            Ok(session) => session,
            Err(reason) => {
                shared.end();
                break Some(reason);
            }
        };
        opened = Some(Instant::now());
        let id = session.line.id.clone();
        shared.enter(Phase::Connected(session.line.clone()));
        shared.events.tell(Event::Reconnected(id));
    };
    shared.events.tell(Event::Closed(reason));
}

async fn open(shared: &Shared) -> Result<Session, Error> {
    let connected = shared.connect.connect().await?;
    Session::open(connected, &shared.options, &shared.handlers, &shared.events).await
}

/// The first time; again and again if that is wanted.
async fn open_first(shared: &Shared) -> Result<Session, Error> {
    let (begun, mut previous_attempts) = (Instant::now(), 0);
    loop {
        let error = match open(shared).await {
            Err(error) if shared.options.retry_start => error,
            opened => return opened,
        };
        let retry = RetryContext {
            previous_attempts,
            elapsed: begun.elapsed(),
            short_lived: 0,
            reason: Some(&error),
        };
        let delay = next_delay(shared, &retry);
        previous_attempts += 1;
        sleep(delay.ok_or(error)?).await;
    }
}

/// After a loss, the first time in `delay`.
///
/// # Errors
/// It is the end, with what the users learn of it.
async fn reopen(
    shared: &Shared,
    life: &Life,
    mut delay: Duration,
    short_lived: u32,
) -> Result<Session, Error> {
    let (begun, mut attempts) = (Instant::now(), 0);
    loop {
        if either(life.stop.cancelled(), sleep(delay)).await.is_ok() {
            return Err(stopped("reconnect delay"));
        }
        shared.enter(Phase::Reconnecting { trying: true });
        let error = match either(life.stop.cancelled(), open(shared)).await {
            Ok(()) => return Err(stopped("reconnect attempt")),
            Err(Ok(session)) => return Ok(session),
            Err(Err(error)) => error,
        };
        tracing::debug!(?error, attempts, "an attempt to reconnect failed");
        attempts += 1;
        let elapsed = begun.elapsed();
        let retry = RetryContext {
            previous_attempts: attempts,
            elapsed,
            short_lived,
            reason: Some(&error),
        };
        delay = match next_delay(shared, &retry) {
            Some(delay) => delay,
            None => {
                let exhausted = Kind::RetriesExhausted {
                    attempts,
                    elapsed,
                    source: error,
                };
                return Err(exhausted.into());
            }
        };
        shared.enter(Phase::Reconnecting { trying: false });
    }
}

/// Asks the policy; one that panics has given up.
fn next_delay(shared: &Shared, retry: &RetryContext<'_>) -> Option<Duration> {
    let policy = shared.options.retry.as_ref()?;
    let asked = catch_unwind(AssertUnwindSafe(|| policy.next_delay(retry)));
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
