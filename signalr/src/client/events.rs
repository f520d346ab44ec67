//! What users learn of their connection's fate.

use std::{
    collections::VecDeque,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::FutureExt;

use super::rt;
use crate::{
    connection::{BoxFuture, ConnectionId},
    error::Error,
};

/// Events that wait for a slow handler. Of more the oldest are dropped.
const WAITING: usize = 64;

#[derive(Clone, Debug)]
pub(super) enum Event {
    Reconnecting(Option<Error>),
    Reconnected(Option<ConnectionId>),
    Closed(Option<Error>),
    /// With the lifetime of what is valid now.
    AuthenticationRefreshed(Option<Duration>),
    AuthenticationRefreshFailed(Error),
}

type Handler = Arc<dyn Fn(Event) -> BoxFuture<()> + Send + Sync>;

/// Runs the handlers of events, one after another, on a task that exists only while there is something to tell: the connection never
/// waits for it, so a handler may do anything, also start the connection again.
#[derive(Default)]
pub(super) struct Events(Mutex<State>);

#[derive(Default)]
struct State {
    handlers: Vec<Handler>,
    waiting: VecDeque<Event>,
    telling: bool,
}

/// What the task does, while there is something to tell. If that is dropped with its runtime, another may follow.
struct Telling(Option<Arc<Events>>);

impl Telling {
    async fn tell_all(&mut self) {
        while let Some((event, handlers)) = self.0.as_ref().and_then(|events| events.next()) {
            for handler in handlers {
                let event = event.clone();
                let told = AssertUnwindSafe(async { handler(event).await });
                if told.catch_unwind().await.is_err() {
                    tracing::error!("an event handler panicked");
                }
            }
        }
        self.0 = None;
    }
}

impl Drop for Telling {
    fn drop(&mut self) {
        if let Some(events) = &self.0 {
            events.lock().telling = false;
        }
    }
}

impl Events {
    pub(super) fn add(&self, handler: Handler) {
        self.lock().handlers.push(handler);
    }

    /// Without a runtime to tell it on, an event waits for the next one.
    pub(super) fn tell(self: &Arc<Self>, event: Event) {
        let mut state = self.lock();
        if state.handlers.is_empty() {
            return;
        }
        if state.waiting.len() == WAITING {
            tracing::warn!("an event handler takes too long: an event is dropped");
            state.waiting.pop_front();
        }
        state.waiting.push_back(event);
        if !std::mem::replace(&mut state.telling, true) {
            drop(state);
            let mut telling = Telling(Some(Arc::clone(self)));
            rt::spawn(async move { telling.tell_all().await });
        }
    }

    fn next(&self) -> Option<(Event, Vec<Handler>)> {
        let mut state = self.lock();
        let event = state.waiting.pop_front();
        state.telling = event.is_some();
        event.map(|event| (event, state.handlers.clone()))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
