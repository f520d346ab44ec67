//! A raw connection, as the rest of the server holds it.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    task::{Wake, Waker},
    time::Duration,
};

use futures_util::task::AtomicWaker;
use tokio::sync::Notify;

use crate::{
    connection::ConnectionId,
    endpoint::{Attached, Expiry, HttpOptions, Opening, Via, millis},
    error::{Error, Kind},
    transport::polls::Tick,
};

/// No write waits.
const NEVER: u64 = u64::MAX;

/// What a connection's handler and its endpoint share.
pub(super) struct Attachment {
    pub(super) id: ConnectionId,
    pub(super) request: Opening,
    pub(super) via: Via,
    expiry: Expiry,
    /// Who reads and who writes: two tasks, where a handler has split its connection.
    pub(super) reader: AtomicWaker,
    pub(super) writer: AtomicWaker,
    /// Since when the transport has been taking nothing, on the endpoint's clock.
    stuck_since: AtomicU64,
    /// It has been doing that for too long: this is how long it may.
    given_up: OnceLock<Duration>,
    /// The client has stopped polling without a word.
    left: AtomicBool,
    /// The server shuts down.
    stopping: AtomicBool,
    pub(super) killed: Notify,
}

impl Attachment {
    pub(super) fn new(id: ConnectionId, request: Opening, via: Via) -> Self {
        Self {
            id,
            request,
            via,
            expiry: Expiry::never(),
            reader: AtomicWaker::new(),
            writer: AtomicWaker::new(),
            stuck_since: AtomicU64::new(NEVER),
            given_up: OnceLock::new(),
            left: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
            killed: Notify::new(),
        }
    }

    /// Whether the server wants the connection to end.
    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(Relaxed)
    }

    /// Whether the client was given up.
    ///
    /// # Errors
    /// Why.
    pub(super) fn check(&self) -> Result<(), Error> {
        match self.given_up.get() {
            Some(&after) => Err(Kind::SendTimeout { after }.into()),
            None => Ok(()),
        }
    }

    /// Notes whether a write waits for the transport.
    pub(super) fn set_stuck(&self, now: Option<u64>) {
        match now {
            None => self.stuck_since.store(NEVER, Relaxed),
            // It counts from the first time.
            Some(now) => drop(
                self.stuck_since
                    .compare_exchange(NEVER, now, Relaxed, Relaxed),
            ),
        }
    }

    /// A waker for both tasks: a transport remembers only one.
    pub(super) fn waker(self: &Arc<Self>) -> Waker {
        Arc::clone(self).into()
    }
}

impl Wake for Attachment {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.reader.wake();
        self.writer.wake();
    }
}

/// What the heartbeat finds to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beat {
    /// The client takes nothing.
    Stuck,
    /// The client has gone.
    Left,
    /// Who the client is was known until now.
    Expired,
}

impl Attached for Attachment {
    type Options = HttpOptions;
    type Beat = Beat;

    fn request(&self) -> &Opening {
        &self.request
    }

    fn expiry(&self) -> &Expiry {
        &self.expiry
    }

    fn via(&self) -> &Via {
        &self.via
    }

    fn due(&self, now: u64, options: &HttpOptions) -> Option<Beat> {
        if self.given_up.get().is_some() || self.left.load(Relaxed) {
            return None;
        }
        match self.via.tick(options) {
            Tick::Left => Some(Beat::Left),
            Tick::Stuck => Some(Beat::Stuck),
            Tick::Fine if options.close_on_expiration && self.expiry.is_over(now) => {
                Some(Beat::Expired)
            }
            Tick::Fine => {
                let stuck = now.saturating_sub(self.stuck_since.load(Relaxed));
                (stuck >= millis(options.send_timeout)).then_some(Beat::Stuck)
            }
        }
    }

    fn beat(&self, beat: Beat, _: u64, options: &HttpOptions) {
        match beat {
            Beat::Stuck => {
                // A second time changes nothing.
                self.given_up.set(options.send_timeout).ok();
                self.via.cut_off();
            }
            Beat::Expired => {
                self.expiry.forget();
                self.say_goodbye();
            }
            Beat::Left => {
                self.left.store(true, Relaxed);
                self.via.leave();
            }
        }
        self.reader.wake();
        self.writer.wake();
    }

    #[cfg(feature = "metrics")]
    fn has_timed_out(&self) -> bool {
        self.left.load(Relaxed)
    }

    fn say_goodbye(&self) {
        self.stopping.store(true, Relaxed);
        self.reader.wake();
    }

    fn kill(&self) {
        self.killed.notify_one();
    }
}
