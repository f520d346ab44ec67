//! A raw connection, as the rest of the server holds it.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
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
    transport::{Ending, Transport, polls::Tick},
};

/// No write waits.
const NEVER: u64 = u64::MAX;

const CUT_OFF: &str =
    "The connection was cut off by the server, which stops or no longer serves it.";

/// What a connection's handler and its endpoint share.
pub(super) struct Attachment {
    pub(super) id: ConnectionId,
    pub(super) request: Opening,
    pub(super) via: Via,
    expiry: Expiry,
    /// Until the connection has ended. Behind a lock, as it is the handler's, wherever that has put it, and the server's to cut off.
    transport: Mutex<Option<Box<dyn Transport>>>,
    /// Who reads and who writes: two tasks, where a handler has split its connection.
    pub(super) reader: AtomicWaker,
    pub(super) writer: AtomicWaker,
    /// Since when the transport has been taking nothing, on the endpoint's clock.
    stuck_since: AtomicU64,
    /// It has been doing that for too long: this is how long it may.
    given_up: OnceLock<Duration>,
    /// The client has stopped polling without a word.
    left: AtomicBool,
    /// The client has broken its transport's own protocol.
    violated: AtomicBool,
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
            transport: Mutex::new(None),
            reader: AtomicWaker::new(),
            writer: AtomicWaker::new(),
            stuck_since: AtomicU64::new(NEVER),
            given_up: OnceLock::new(),
            left: AtomicBool::new(false),
            violated: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
            killed: Notify::new(),
        }
    }

    /// The connection begins.
    pub(super) fn set_transport(&self, transport: Box<dyn Transport>) {
        *self.lock() = Some(transport);
    }

    /// The connection ends: whoever still has it finds it closed.
    pub(super) fn take_transport(&self) -> Option<Box<dyn Transport>> {
        let transport = self.lock().take();
        self.reader.wake();
        self.writer.wake();
        transport
    }

    /// Asks or tells the transport something that does not wait.
    ///
    /// # Errors
    /// The server has cut it off.
    pub(super) fn with_transport<T>(
        &self,
        work: impl FnOnce(&mut dyn Transport) -> T,
    ) -> Result<T, Error> {
        match self.lock().as_deref_mut() {
            Some(transport) => Ok(work(transport)),
            None => Err(Kind::NotConnected(CUT_OFF.into()).into()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Box<dyn Transport>>> {
        self.transport
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the server wants the connection to end.
    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(Relaxed)
    }

    /// Notes what reading has failed with, if that is the client's fault.
    pub(super) fn blame(&self, error: &Error) {
        if error.is_protocol() {
            self.violated.store(true, Relaxed);
        }
    }

    /// How the transport ends when the handler has failed.
    pub(super) fn failure(&self) -> Ending {
        if self.violated.load(Relaxed) {
            Ending::Violation
        } else {
            Ending::Failure
        }
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
