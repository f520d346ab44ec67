//! Connections by URL: negotiation, and the three transports over HTTP, of which a browser gives us WebSockets alone.

mod answer;
mod attempt;
mod builder;
mod closing;
mod failures;
mod refresh;
mod shown;
mod tokens;
mod url;

// What a browser does by itself we do elsewhere, and in other words.
#[cfg_attr(target_arch = "wasm32", path = "browser/options.rs")]
mod options;
#[cfg_attr(target_arch = "wasm32", path = "browser/requests.rs")]
mod requests;
#[cfg_attr(target_arch = "wasm32", path = "browser/websocket.rs")]
mod websocket;

#[cfg(target_arch = "wasm32")]
#[path = "browser/fetch.rs"]
mod fetch;

#[cfg(not(target_arch = "wasm32"))]
mod cookies;
#[cfg(not(target_arch = "wasm32"))]
mod dial;
#[cfg(not(target_arch = "wasm32"))]
mod events;
#[cfg(not(target_arch = "wasm32"))]
mod polling;
#[cfg(not(target_arch = "wasm32"))]
mod posts;
#[cfg(not(target_arch = "wasm32"))]
mod sse;
#[cfg(all(not(target_arch = "wasm32"), feature = "rustls"))]
mod tls;

use std::sync::Arc;

use self::{
    attempt::Attempt,
    requests::{Requests, Settings},
    tokens::limited,
    url::HubUrl,
};
use super::{
    connector::{Connect, Connected},
    options::Options,
};
use crate::{connection::BoxFuture, error::Error};

pub(super) use options::HttpOptions;

/// Several hub messages may come in one piece.
const BATCH: usize = 1024 * 1024;

/// How large may be what the server sends in one piece.
#[derive(Clone, Copy, Debug, Default)]
struct PieceLimit {
    /// Of one hub message; `None`: any number.
    max_receive_size: Option<usize>,
}

impl PieceLimit {
    fn bytes(self) -> usize {
        let message = self.max_receive_size.unwrap_or(usize::MAX);
        message.saturating_add(BATCH)
    }

    /// What went wrong, with the option and what it is set to.
    fn exceeded(self, what: impl std::fmt::Display) -> Error {
        Error::protocol(format!(
            "{what}, more than the `max_receive_size` of {} bytes and 1 MiB for messages that come along",
            self.max_receive_size.unwrap_or(usize::MAX)
        ))
    }
}

/// Connects to a hub by its URL.
pub(super) struct Http {
    url: HubUrl,
    settings: Arc<Settings>,
    is_binary: bool,
    limit: PieceLimit,
    is_stateful: bool,
}

impl Http {
    /// # Errors
    /// An option contradicts the rules.
    pub(super) fn new(mut http: HttpOptions, options: &Options) -> Result<Self, Error> {
        let url = http.check()?;
        let limit = http.request_timeout;
        http.provider = http.provider.map(|provider| limited(provider, limit));
        Ok(Self {
            url,
            settings: Arc::new(Settings::new(http)),
            is_binary: options.protocol.is_binary(),
            limit: PieceLimit {
                max_receive_size: options.max_receive_size,
            },
            is_stateful: options.stateful_reconnect.is_some(),
        })
    }
}

impl Connect for Http {
    fn connect(&self) -> BoxFuture<Result<Connected, Error>> {
        let attempt = Attempt {
            requests: Arc::new(Requests::new(&self.settings)),
            url: self.url.clone(),
            hub: self.url.clone(),
            lifetime: None,
            is_binary: self.is_binary,
            limit: self.limit,
            is_stateful: self.is_stateful,
        };
        Box::pin(attempt.run())
    }
}
