//! What carries a connection, as the rest of the server sees it.

use std::sync::Arc;

use super::options::HttpOptions;
use crate::{
    connection::HttpTransportType,
    transport::{
        inlet::Inlet,
        links::Links,
        outlet::Outlet,
        polls::{Polls, Tick},
    },
};

/// The HTTP side of a connection, for the requests that come while it runs.
pub(crate) enum Via {
    /// A byte stream without HTTP.
    Stream,
    WebSockets {
        /// For further sockets of the same connection, if that was negotiated.
        links: Option<Arc<Links>>,
    },
    ServerSentEvents {
        inlet: Arc<Inlet>,
        outlet: Arc<Outlet>,
    },
    LongPolling {
        inlet: Arc<Inlet>,
        polls: Arc<Polls>,
    },
}

impl Via {
    pub(crate) fn transport(&self) -> Option<HttpTransportType> {
        match self {
            Self::Stream => None,
            Self::WebSockets { .. } => Some(HttpTransportType::WebSockets),
            Self::ServerSentEvents { .. } => Some(HttpTransportType::ServerSentEvents),
            Self::LongPolling { .. } => Some(HttpTransportType::LongPolling),
        }
    }

    /// Where a further socket of the same connection goes to.
    pub(crate) fn links(&self) -> Option<&Arc<Links>> {
        match self {
            Self::WebSockets { links } => links.as_ref(),
            _ => None,
        }
    }

    /// Where POST requests write to.
    pub(crate) fn inlet(&self) -> Option<&Arc<Inlet>> {
        match self {
            Self::Stream | Self::WebSockets { .. } => None,
            Self::ServerSentEvents { inlet, .. } | Self::LongPolling { inlet, .. } => Some(inlet),
        }
    }

    /// One look of the shared heartbeat.
    pub(crate) fn tick(&self, options: &HttpOptions) -> Tick {
        match self {
            // The connection has noticed by itself, unless it was not reading.
            Self::ServerSentEvents { outlet, .. } if outlet.is_left() => Tick::Left,
            Self::WebSockets { links: Some(links) }
                if links.lost_for() > Some(options.disconnect_timeout) =>
            {
                Tick::Left
            }
            Self::Stream | Self::WebSockets { .. } | Self::ServerSentEvents { .. } => Tick::Fine,
            Self::LongPolling { polls, .. } => polls.tick(
                options.poll_timeout,
                options.disconnect_timeout,
                options.send_timeout,
            ),
        }
    }

    /// The client has left: its input ends, and nothing reaches it any more.
    pub(crate) fn leave(&self) {
        if let Some(inlet) = self.inlet() {
            inlet.end();
        }
        if let Self::LongPolling { polls, .. } = self {
            polls.leave();
        }
    }

    /// The client takes nothing: what is being written to it is given up.
    pub(crate) fn cut_off(&self) {
        if let Self::LongPolling { polls, .. } = self {
            polls.cut_off();
        }
    }

    /// The server shuts down: no further requests are expected.
    pub(crate) fn last_call(&self) {
        if let Self::LongPolling { polls, .. } = self {
            polls.last_call();
        }
    }
}
