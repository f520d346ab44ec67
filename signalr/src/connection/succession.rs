//! Whose handlers run: those of the connection that has been there longest.

#[cfg(feature = "client")]
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::{collections::BTreeSet, fmt, sync::Arc};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// Questions that a client answers at a time. Each is a future that lives until its handler ends, and so perhaps longer than its
/// connection; more are refused.
pub(super) const QUESTIONS: usize = 100;

/// The connections of one client whose handlers have not all ended, in the order in which they were opened.
#[derive(Clone, Default)]
pub(crate) struct Succession(Arc<All>);

struct All {
    places: watch::Sender<BTreeSet<u64>>,
    questions: Arc<Semaphore>,
    /// Bytes of messages that wait though their connections have ended.
    #[cfg(feature = "client")]
    kept: AtomicUsize,
}

impl Default for All {
    fn default() -> Self {
        Self {
            places: watch::Sender::default(),
            questions: Arc::new(Semaphore::new(QUESTIONS)),
            #[cfg(feature = "client")]
            kept: AtomicUsize::new(0),
        }
    }
}

/// A connection's place among them, until it is dropped with the connection's last handler.
pub(super) struct Place {
    number: u64,
    all: Succession,
}

impl Succession {
    pub(super) fn join(&self) -> Place {
        let mut number = 0;
        self.0.places.send_modify(|places| {
            number = places.last().map_or(0, |last| last + 1);
            places.insert(number);
        });
        let all = self.clone();
        Place { number, all }
    }
}

impl Place {
    /// Lets a question be answered, for as long as the value lives; `None`: too many are, those of lost connections among them.
    pub(super) fn question(&self) -> Option<OwnedSemaphorePermit> {
        let questions = Arc::clone(&self.all.0.questions);
        questions.try_acquire_owned().ok()
    }

    /// Waits until the handlers of all earlier connections have ended; `None`: they have.
    pub(super) fn turn(&self) -> Option<impl Future<Output = ()> + Send + 'static> {
        let number = self.number;
        let is_first = move |places: &BTreeSet<u64>| places.first() == Some(&number);
        if is_first(&self.all.0.places.borrow()) {
            return None;
        }
        let mut places = self.all.0.places.subscribe();
        Some(async move {
            // There is a sender as long as there is this place.
            let _ = places.wait_for(is_first).await;
        })
    }
}

#[cfg(feature = "client")]
impl Place {
    /// Accounts for messages that wait, whose connection has ended. `None`: with those of earlier connections they would be more than
    /// `limit` bytes.
    pub(super) fn keep(&self, bytes: usize, limit: usize) -> Option<Kept> {
        let all = Arc::clone(&self.all.0);
        let fits = |kept: usize| {
            let fits = kept == 0 || bytes == 0 || kept + bytes <= limit;
            fits.then_some(kept + bytes)
        };
        all.kept.fetch_update(Relaxed, Relaxed, fits).ok()?;
        Some(Kept { bytes, all })
    }
}

/// Messages that wait, though their connection has ended.
#[cfg(feature = "client")]
pub(crate) struct Kept {
    bytes: usize,
    all: Arc<All>,
}

#[cfg(feature = "client")]
impl Drop for Kept {
    fn drop(&mut self) {
        self.all.kept.fetch_sub(self.bytes, Relaxed);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.all.0.places.send_modify(|places| {
            places.remove(&self.number);
        });
    }
}

impl fmt::Debug for Succession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Succession({:?})", self.0.places.borrow())
    }
}
