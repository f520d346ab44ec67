//! What all connections of a server share, whatever the hub's type.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{
            AtomicBool, AtomicU64,
            Ordering::{Relaxed, SeqCst},
        },
    },
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};
use tokio_util::sync::CancellationToken;

use super::{
    connection::{Connection, millis},
    options::Options,
    registry::{Registry, RegistryDelivery},
    sessions::Sessions,
};
use crate::{
    backplane::{Backplane, LocalConnections},
    connection::Calls,
    error::Kind,
    hub::{ConnectionId, Link},
};

pub(super) type UserId = Box<dyn Fn(&http::request::Parts) -> Option<String> + Send + Sync>;

/// The server behind its hub.
pub(super) struct Core {
    pub(super) options: Options,
    pub(super) sessions: Sessions,
    pub(super) registry: Arc<Registry>,
    pub(super) backplane: Box<dyn Backplane>,
    pub(super) user_id: Option<UserId>,
    calls: Mutex<Calls<ConnectionId>>,
    pub(super) next_call: AtomicU64,
    clock: Clock,
    beating: AtomicBool,
    /// Cancelled when the server shuts down: listeners stop.
    pub(super) stopping: CancellationToken,
    /// Rings when the last connection has gone.
    all_gone: Notify,
}

impl Core {
    pub(super) fn new(
        options: Options,
        backplane: Box<dyn Backplane>,
        user_id: Option<UserId>,
    ) -> Self {
        let registry = Arc::new(Registry::default());
        let delivery = RegistryDelivery(Arc::clone(&registry));
        backplane.attach(LocalConnections::new(Arc::new(delivery)));
        Self {
            options,
            sessions: Sessions::default(),
            registry,
            backplane,
            user_id,
            calls: Mutex::new(Calls::new()),
            next_call: AtomicU64::new(1),
            clock: Clock::default(),
            beating: AtomicBool::new(false),
            stopping: CancellationToken::new(),
            all_gone: Notify::new(),
        }
    }

    /// Calls to clients that wait for an answer.
    pub(super) fn calls(&self) -> MutexGuard<'_, Calls<ConnectionId>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Milliseconds on the server's clock, which moves with the heartbeat.
    pub(super) fn now(&self) -> u64 {
        self.clock.now.load(Relaxed)
    }

    /// Forgets a connection whose task ends.
    pub(super) fn forget(&self, token: &str, connection: &Connection) {
        connection.outbox.drain(|_| {});
        self.registry.remove(connection);
        self.abandon_calls(connection.id());
        self.sessions.close(token);
        if self.sessions.counts().1 == 0 {
            self.all_gone.notify_waiters();
        }
    }

    /// Calls that wait for a connection that has gone will not be answered.
    pub(super) fn abandon_calls(&self, id: &ConnectionId) {
        let abandoned = self.calls().abandon(id);
        for answer in abandoned {
            let text = format!("Connection '{id}' disconnected.");
            answer(Err(Kind::NotConnected(text.into()).into()));
        }
    }

    /// Completes when no connection is open.
    pub(super) async fn closed(&self) {
        loop {
            let all_gone = self.all_gone.notified();
            tokio::pin!(all_gone);
            all_gone.as_mut().enable();
            if self.sessions.counts().1 == 0 {
                return;
            }
            all_gone.await;
        }
    }

    /// Says goodbye to every client, waits up to `drain`, then stops what is left.
    pub(super) async fn shutdown(&self, drain: Duration) {
        let open = self.sessions.shut();
        self.stopping.cancel();
        for connection in &open {
            connection.close(None, true);
            connection.via.last_call();
        }
        if tokio::time::timeout(drain, self.closed()).await.is_ok() {
            return;
        }
        for connection in &self.sessions.shut() {
            connection.kill.notify_one();
        }
        self.closed().await;
    }

    /// Keeps the clock going while there is a connection, open or negotiated.
    pub(super) fn keep_beating(self: &Arc<Self>) {
        if self.beating.swap(true, SeqCst) {
            return;
        }
        self.clock.advance();
        let mut heart = Heart {
            core: Arc::downgrade(self),
            stopped: false,
        };
        let period = self.options.heartbeat();
        tokio::spawn(async move {
            let mut ticks = tokio::time::interval(period);
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                let Some(core) = heart.core.upgrade() else {
                    return;
                };
                heart.stopped = !core.beat();
                if heart.stopped {
                    return;
                }
            }
        });
    }

    /// `false`: nothing is left to beat for.
    fn beat(&self) -> bool {
        self.clock.advance();
        let now = self.now();
        for (connection, beat) in self.sessions.due(now, &self.options) {
            connection.beat(beat, now, &self.options);
        }
        if self.sessions.counts() != (0, 0) {
            return true;
        }
        self.beating.store(false, SeqCst);
        // A connection may have come between the look and the store; whoever gets the flag goes on.
        self.sessions.counts() != (0, 0) && !self.beating.swap(true, SeqCst)
    }
}

/// The running heartbeat; a runtime that shuts down drops it, and the next connection starts another.
struct Heart {
    core: Weak<Core>,
    /// It has stopped by itself, and said so.
    stopped: bool,
}

impl Drop for Heart {
    fn drop(&mut self) {
        if let Some(core) = self.core.upgrade().filter(|_| !self.stopped) {
            core.beating.store(false, SeqCst);
        }
    }
}

/// A clock that is read for free and moves in steps.
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
