//! What hubs note down while a test watches.

use std::sync::{Arc, Mutex, PoisonError};

/// A list of events that all clones share.
#[derive(Clone, Debug, Default)]
pub struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    pub fn note(&self, event: impl Into<String>) {
        self.lock().push(event.into());
    }

    /// Everything so far.
    pub fn all(&self) -> Vec<String> {
        self.lock().clone()
    }

    pub fn count(&self, event: &str) -> usize {
        self.lock().iter().filter(|noted| *noted == event).count()
    }

    /// A value that notes `event` when it is dropped.
    pub fn on_drop(&self, event: &str) -> OnDrop {
        OnDrop(self.clone(), event.to_owned())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Notes its own end.
#[derive(Debug)]
pub struct OnDrop(Log, String);

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.0.note(&*self.1);
    }
}
