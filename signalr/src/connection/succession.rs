//! Whose handlers run: those of the connection that has been there longest.

use std::{collections::BTreeSet, fmt, sync::Arc};

use tokio::sync::watch;

/// The connections of one client whose handlers have not all ended, in the order in which they were opened.
#[derive(Clone, Default)]
pub(crate) struct Succession(Arc<watch::Sender<BTreeSet<u64>>>);

/// A connection's place among them, until it is dropped with the connection's last handler.
pub(super) struct Place {
    number: u64,
    all: Succession,
}

impl Succession {
    pub(super) fn join(&self) -> Place {
        let mut number = 0;
        self.0.send_modify(|places| {
            number = places.last().map_or(0, |last| last + 1);
            places.insert(number);
        });
        let all = self.clone();
        Place { number, all }
    }
}

impl Place {
    /// Waits until the handlers of all earlier connections have ended; `None`: they have.
    pub(super) fn turn(&self) -> Option<impl Future<Output = ()> + Send + 'static> {
        let number = self.number;
        let is_first = move |places: &BTreeSet<u64>| places.first() == Some(&number);
        if is_first(&self.all.0.borrow()) {
            return None;
        }
        let mut places = self.all.0.subscribe();
        Some(async move {
            // There is a sender as long as there is this place.
            let _ = places.wait_for(is_first).await;
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.all.0.send_modify(|places| {
            places.remove(&self.number);
        });
    }
}

impl fmt::Debug for Succession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Succession({:?})", self.0.borrow())
    }
}
