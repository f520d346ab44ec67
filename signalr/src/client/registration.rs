//! A handler's place in the table.

use std::sync::{Arc, PoisonError, RwLock};

use crate::connection::Handlers;

/// A registered handler. It stays when this is dropped; [`remove`](Self::remove) takes it away.
///
/// # Example
///
/// ```no_run
/// # fn run(connection: signalr::HubConnection) {
/// let registration = connection.on("said", |text: String| async move { println!("{text}") });
/// registration.remove();
/// # }
/// ```
#[derive(Debug)]
pub struct Registration {
    pub(super) handlers: Arc<RwLock<Handlers>>,
    pub(super) numbers: Vec<u64>,
}

impl Registration {
    /// Takes the handler away, or all handlers of a receiver. Messages that have come already are still handled.
    pub fn remove(self) {
        let removed = {
            let handlers = self.handlers.write();
            let mut handlers = handlers.unwrap_or_else(PoisonError::into_inner);
            handlers.remove(&self.numbers)
        };
        drop(removed);
    }
}
