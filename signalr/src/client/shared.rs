//! What all handles of a connection share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{connector::Connect, events::Events, options::Options, refresh::Refresher};
use crate::{
    connection::{Caller, ConnectionId, Handlers},
    error::{Error, Kind},
};

/// Where a [`HubConnection`](super::HubConnection) stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HubConnectionState {
    /// Not started, stopped, or lost for good.
    Disconnected,
    /// Being started.
    Connecting,
    /// Open: calls go out.
    Connected,
    /// Lost; the retry policy has it opened again.
    Reconnecting,
}

/// What calls go through.
#[derive(Clone)]
pub(super) struct Line {
    pub(super) caller: Caller,
    pub(super) id: Option<ConnectionId>,
    pub(super) refresher: Option<Arc<Refresher>>,
}

/// The state, and what belongs to it.
#[derive(Clone)]
pub(super) enum Phase {
    Disconnected,
    Connecting,
    Connected(Line),
    /// `trying`: an attempt is under way, rather than waited for.
    Reconnecting {
        trying: bool,
    },
}

impl Phase {
    pub(super) fn state(&self) -> HubConnectionState {
        match self {
            Self::Disconnected => HubConnectionState::Disconnected,
            Self::Connecting => HubConnectionState::Connecting,
            Self::Connected(_) => HubConnectionState::Connected,
            Self::Reconnecting { .. } => HubConnectionState::Reconnecting,
        }
    }
}

/// A connection's life from a start to the end.
#[derive(Clone)]
pub(super) struct Life {
    pub(super) stop: CancellationToken,
    /// Who has started it waits no longer, so nobody knows of it: the next start waits for its end.
    pub(super) left: CancellationToken,
    pub(super) over: CancellationToken,
}

/// What a start finds.
pub(super) enum Begun {
    Life(Life),
    /// One that was left, which is just ending.
    Ending(Life),
}

pub(super) struct Shared {
    pub(super) options: Arc<Options>,
    pub(super) connect: Box<dyn Connect>,
    pub(super) handlers: Arc<RwLock<Handlers>>,
    pub(super) events: Arc<Events>,
    phase: watch::Sender<Phase>,
    states: watch::Sender<HubConnectionState>,
    life: Mutex<Option<Life>>,
}

impl Shared {
    pub(super) fn new(
        options: Options,
        connect: Box<dyn Connect>,
        handlers: Handlers,
        events: Arc<Events>,
    ) -> Self {
        Self {
            options: Arc::new(options),
            connect,
            handlers: Arc::new(RwLock::new(handlers)),
            events,
            phase: watch::Sender::new(Phase::Disconnected),
            states: watch::Sender::new(HubConnectionState::Disconnected),
            life: Mutex::new(None),
        }
    }

    /// Begins a life.
    ///
    /// # Errors
    /// There is one.
    pub(super) fn begin(&self) -> Result<Begun, Error> {
        let mut life = self.life();
        let text = match &*life {
            None => {
                let begun = Life {
                    stop: CancellationToken::new(),
                    left: CancellationToken::new(),
                    over: CancellationToken::new(),
                };
                *life = Some(begun.clone());
                self.enter(Phase::Connecting);
                return Ok(Begun::Life(begun));
            }
            Some(life) if life.left.is_cancelled() => return Ok(Begun::Ending(life.clone())),
            Some(life) if life.stop.is_cancelled() => {
                "The HubConnection cannot be started while StopAsync is running."
            }
            Some(_) => {
                "The HubConnection cannot be started if it is not in the Disconnected state."
            }
        };
        Err(Kind::NotAllowed(text.into()).into())
    }

    /// Ends the life: from here on the connection can be started again.
    pub(super) fn end(&self) {
        let mut life = self.life();
        self.enter(Phase::Disconnected);
        if let Some(life) = life.take() {
            life.over.cancel();
        }
    }

    /// Ends the life when its task has broken off; whether it had begun.
    pub(super) fn abandon(&self) -> bool {
        let had_begun = !matches!(self.phase(), Phase::Connecting);
        self.end();
        had_begun
    }

    pub(super) fn life(&self) -> MutexGuard<'_, Option<Life>> {
        self.life.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn enter(&self, phase: Phase) {
        let state = phase.state();
        self.phase.send_replace(phase);
        self.states
            .send_if_modified(|before| std::mem::replace(before, state) != state);
    }

    pub(super) fn phase(&self) -> Phase {
        self.phase.borrow().clone()
    }

    pub(super) fn states(&self) -> watch::Receiver<HubConnectionState> {
        self.states.subscribe()
    }

    /// What a call goes through; waits while the connection is just being opened.
    ///
    /// # Errors
    /// It is not open, and is not being opened.
    pub(super) async fn line(&self, method: &str) -> Result<Line, Error> {
        let mut phases = self.phase.subscribe();
        loop {
            match phases.borrow_and_update().clone() {
                Phase::Connected(line) => return Ok(line),
                Phase::Connecting | Phase::Reconnecting { trying: true } => {}
                Phase::Disconnected | Phase::Reconnecting { trying: false } => {
                    let text = format!(
                        "The '{method}' method cannot be called if the connection is not active"
                    );
                    return Err(Kind::NotConnected(text.into()).into());
                }
            }
            // The sender lives as long as we do.
            let _ = phases.changed().await;
        }
    }
}
