//! Tokens: negotiated connections that wait to be opened, and open ones. One token opens one connection.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{beat::millis, front::Attached, options::HttpOptions};
use crate::{connection::ConnectionId, transport::inlet::Inlet};

/// All connections of an endpoint by token, from negotiation to the end of their tasks.
pub(super) struct Sessions<C>(Mutex<State<C>>);

struct State<C> {
    by_token: HashMap<Arc<str>, Session<C>>,
    /// How many of them are only negotiated.
    negotiated: usize,
    closing: bool,
}

enum Session<C> {
    /// Boxed, as most sessions are open and the map has a place for many more.
    Negotiated(Box<Negotiated>),
    Open(Arc<C>),
}

struct Negotiated {
    id: ConnectionId,
    at: u64,
    /// What is posted before the connection is opened.
    inlet: Arc<Inlet>,
    /// It may have one socket after another.
    stateful: bool,
}

/// Why a connection cannot be negotiated or opened now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Too many wait to be opened.
    Full { limit: usize },
    /// The server shuts down.
    Closing,
    /// Another request was quicker, or it was too late.
    Taken,
    /// The connection has another transport.
    Changed,
}

/// What a token stands for.
pub(super) enum Known<C> {
    No,
    Negotiated(Arc<Inlet>),
    Open(Arc<C>),
}

impl<C> Default for Sessions<C> {
    fn default() -> Self {
        Self(Mutex::new(State {
            by_token: HashMap::new(),
            negotiated: 0,
            closing: false,
        }))
    }
}

impl<C: Attached> Sessions<C> {
    /// Remembers a negotiated connection.
    ///
    /// # Errors
    /// Too many wait to be opened already, or the server shuts down.
    pub(super) fn negotiate(
        &self,
        token: &str,
        id: ConnectionId,
        stateful: bool,
        now: u64,
        options: &HttpOptions,
    ) -> Result<(), Refused> {
        let limit = options.max_negotiations;
        let mut state = self.lock();
        if state.closing {
            return Err(Refused::Closing);
        }
        if state.negotiated >= limit {
            return Err(Refused::Full { limit });
        }
        state.negotiated += 1;
        let inlet = Arc::new(Inlet::new(options.receive_queue_limit));
        let session = Session::Negotiated(Box::new(Negotiated {
            id,
            at: now,
            inlet,
            stateful,
        }));
        state.by_token.insert(token.into(), session);
        Ok(())
    }

    pub(super) fn look_up(&self, token: &str) -> Known<C> {
        match self.lock().by_token.get(token) {
            None => Known::No,
            Some(Session::Negotiated(negotiated)) => {
                Known::Negotiated(Arc::clone(&negotiated.inlet))
            }
            Some(Session::Open(connection)) => Known::Open(Arc::clone(connection)),
        }
    }

    /// Opens a negotiated connection, for the one request that its token is good for. `make` says no to a transport that it cannot
    /// have any more.
    pub(super) fn attach<T>(
        &self,
        token: &str,
        make: impl FnOnce(ConnectionId, Arc<Inlet>, bool) -> Option<(Arc<C>, T)>,
    ) -> Result<(Arc<str>, Arc<C>, T), Refused> {
        let mut state = self.lock();
        if state.closing {
            return Err(Refused::Closing);
        }
        let Some((key, Session::Negotiated(negotiated))) = state.by_token.get_key_value(token)
        else {
            return Err(Refused::Taken);
        };
        let Negotiated {
            id,
            inlet,
            stateful,
            ..
        } = &**negotiated;
        let made = make(id.clone(), Arc::clone(inlet), *stateful);
        let (connection, with) = made.ok_or(Refused::Changed)?;
        let key = Arc::clone(key);
        let session = Session::Open(Arc::clone(&connection));
        state.by_token.insert(Arc::clone(&key), session);
        state.negotiated -= 1;
        Ok((key, connection, with))
    }

    /// Adds an open connection; `false` while the server shuts down.
    pub(super) fn open(&self, token: &Arc<str>, connection: &Arc<C>) -> bool {
        let mut state = self.lock();
        if state.closing {
            return false;
        }
        let session = Session::Open(Arc::clone(connection));
        state.by_token.insert(Arc::clone(token), session);
        true
    }

    /// Forgets an open connection.
    pub(super) fn close(&self, token: &str) {
        self.lock().by_token.remove(token);
    }

    /// Refuses new connections from here on, and lists the open ones.
    pub(super) fn shut(&self) -> Vec<Arc<C>> {
        let mut state = self.lock();
        state.closing = true;
        state.negotiated = 0;
        state.by_token.retain(|_, session| session.is_open());
        state.open().cloned().collect()
    }

    /// Whether the server shuts down.
    #[cfg(feature = "metrics")]
    pub(super) fn is_closing(&self) -> bool {
        self.lock().closing
    }

    /// How many connections are negotiated and how many open.
    pub(super) fn counts(&self) -> (usize, usize) {
        let state = self.lock();
        (state.negotiated, state.by_token.len() - state.negotiated)
    }

    /// Drops negotiations that nobody has opened in time, and lists what is due on open connections.
    pub(super) fn due(&self, now: u64, options: &C::Options) -> Vec<(Arc<C>, C::Beat)> {
        let mut state = self.lock();
        let State {
            by_token,
            negotiated,
            ..
        } = &mut *state;
        if *negotiated > 0 {
            let patience = millis(options.as_ref().disconnect_timeout);
            by_token.retain(|_, session| match session {
                Session::Negotiated(session) if now.saturating_sub(session.at) > patience => {
                    *negotiated -= 1;
                    session.inlet.end();
                    false
                }
                Session::Negotiated(_) | Session::Open(_) => true,
            });
        }
        let due = |connection: &Arc<C>| {
            let beat = connection.due(now, options)?;
            Some((Arc::clone(connection), beat))
        };
        state.open().filter_map(due).collect()
    }

    fn lock(&self) -> MutexGuard<'_, State<C>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<C> Session<C> {
    /// Whether it is open; one that will never be lets go of those who have posted to it.
    fn is_open(&self) -> bool {
        match self {
            Self::Open(_) => true,
            Self::Negotiated(session) => {
                session.inlet.end();
                false
            }
        }
    }
}

impl<C> State<C> {
    fn open(&self) -> impl Iterator<Item = &Arc<C>> {
        self.by_token.values().filter_map(|session| match session {
            Session::Open(connection) => Some(connection),
            Session::Negotiated(_) => None,
        })
    }
}
