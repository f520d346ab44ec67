//! Whose turn it is among the ordinary calls of one connection.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Calls that may run beyond the turns, as they have asked a client something. Each is a future that a client keeps alive by not
/// answering; one more keeps its turn.
const ASKING_LIMIT: usize = 100;

/// The turns. Shared by the calls of one task, so that nothing changes between a look and a step.
#[derive(Debug)]
pub(super) struct Turns {
    free: AtomicUsize,
    asking: AtomicUsize,
}

impl Turns {
    pub(super) fn new(parallel: usize) -> Self {
        Self {
            free: AtomicUsize::new(parallel),
            asking: AtomicUsize::new(0),
        }
    }

    /// Takes a turn, if there is one.
    pub(super) fn take(&self) -> bool {
        let free = self.free.load(Relaxed);
        if free > 0 {
            self.free.store(free - 1, Relaxed);
        }
        free > 0
    }

    /// A call has ended.
    pub(super) fn give_back(&self) {
        self.free.store(self.free.load(Relaxed) + 1, Relaxed);
    }

    /// A call asks a client and goes on without its turn, if not too many do.
    pub(super) fn give_away(&self) -> bool {
        let asking = self.asking.load(Relaxed);
        if asking < ASKING_LIMIT {
            self.asking.store(asking + 1, Relaxed);
            self.give_back();
        }
        asking < ASKING_LIMIT
    }

    /// A call without a turn has ended.
    pub(super) fn answered(&self) {
        self.asking.store(self.asking.load(Relaxed) - 1, Relaxed);
    }
}
