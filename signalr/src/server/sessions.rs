//! Tokens: negotiated connections that wait to be opened, and open ones. One token opens one connection.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{
    connection::{Beat, Connection, millis},
    options::{NEGOTIATION_TIMEOUT, Options},
};
use crate::hub::ConnectionId;

/// All connections of a hub by token, from negotiation to the end of their tasks.
#[derive(Default)]
pub(super) struct Sessions(Mutex<State>);

#[derive(Default)]
struct State {
    by_token: HashMap<Box<str>, Session>,
    /// How many of them are only negotiated.
    negotiated: usize,
    closing: bool,
}

enum Session {
    Negotiated { id: ConnectionId, at: u64 },
    Open(Arc<Connection>),
}

/// Why a connection cannot be negotiated now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    Full,
    Closing,
}

/// What a token stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    No,
    Negotiated,
    Open,
}

impl Sessions {
    /// Remembers a negotiated connection.
    ///
    /// # Errors
    /// Too many wait to be opened already, or the server shuts down.
    pub(super) fn negotiate(
        &self,
        token: &str,
        id: ConnectionId,
        now: u64,
        limit: usize,
    ) -> Result<(), Refused> {
        let mut state = self.lock();
        if state.closing {
            return Err(Refused::Closing);
        }
        if state.negotiated >= limit {
            return Err(Refused::Full);
        }
        state.negotiated += 1;
        let session = Session::Negotiated { id, at: now };
        state.by_token.insert(token.into(), session);
        Ok(())
    }

    pub(super) fn look_up(&self, token: &str) -> Known {
        match self.lock().by_token.get(token) {
            None => Known::No,
            Some(Session::Negotiated { .. }) => Known::Negotiated,
            Some(Session::Open(_)) => Known::Open,
        }
    }

    /// Claims a negotiated token for the one connection it is good for, and returns its id.
    pub(super) fn claim(&self, token: &str) -> Option<ConnectionId> {
        let mut state = self.lock();
        let Some(Session::Negotiated { id, .. }) = state.by_token.get(token) else {
            return None;
        };
        let id = id.clone();
        state.by_token.remove(token);
        state.negotiated -= 1;
        Some(id)
    }

    /// Adds an open connection; `false` while the server shuts down.
    pub(super) fn open(&self, token: &str, connection: &Arc<Connection>) -> bool {
        let mut state = self.lock();
        if state.closing {
            return false;
        }
        let session = Session::Open(Arc::clone(connection));
        state.by_token.insert(token.into(), session);
        true
    }

    /// Forgets an open connection; whether it was the last.
    pub(super) fn close(&self, token: &str) {
        self.lock().by_token.remove(token);
    }

    /// Refuses new connections from here on, and lists the open ones.
    pub(super) fn shut(&self) -> Vec<Arc<Connection>> {
        let mut state = self.lock();
        state.closing = true;
        state.negotiated = 0;
        state
            .by_token
            .retain(|_, session| matches!(session, Session::Open(_)));
        state.open().cloned().collect()
    }

    /// How many connections are negotiated and how many open.
    pub(super) fn counts(&self) -> (usize, usize) {
        let state = self.lock();
        (state.negotiated, state.by_token.len() - state.negotiated)
    }

    /// Drops negotiations that nobody has opened in time, and lists what is due on open connections.
    pub(super) fn due(&self, now: u64, options: &Options) -> Vec<(Arc<Connection>, Beat)> {
        let mut state = self.lock();
        let State {
            by_token,
            negotiated,
            ..
        } = &mut *state;
        if *negotiated > 0 {
            by_token.retain(|_, session| match session {
                Session::Negotiated { at, .. } => {
                    let fresh = now.saturating_sub(*at) <= millis(NEGOTIATION_TIMEOUT);
                    *negotiated -= usize::from(!fresh);
                    fresh
                }
                Session::Open(_) => true,
            });
        }
        let due = |connection: &Arc<Connection>| {
            let beat = connection.due(now, options)?;
            Some((Arc::clone(connection), beat))
        };
        state.open().filter_map(due).collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn open(&self) -> impl Iterator<Item = &Arc<Connection>> {
        self.by_token.values().filter_map(|session| match session {
            Session::Open(connection) => Some(connection),
            Session::Negotiated { .. } => None,
        })
    }
}
