//! Connections by URL: negotiation, and the three transports over HTTP.

mod answer;
mod attempt;
mod builder;
mod cookies;
mod dial;
mod events;
mod options;
mod polling;
mod posts;
mod refresh;
mod requests;
mod sse;
#[cfg(feature = "rustls")]
mod tls;
mod tokens;
mod url;
mod websocket;

use std::sync::{Arc, Mutex};

use self::{
    attempt::Attempt,
    cookies::Jar,
    dial::Dialler,
    requests::{Requests, Settings},
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

/// Connects to a hub by its URL.
pub(super) struct Http {
    url: HubUrl,
    settings: Arc<Settings>,
    is_binary: bool,
    limit: usize,
    is_stateful: bool,
}

impl Http {
    /// # Errors
    /// An option contradicts the rules.
    pub(super) fn new(mut http: HttpOptions, options: &Options) -> Result<Self, Error> {
        let url = http.check()?;
        let dialler = Dialler::new(&mut http);
        let limit = options.max_receive_size.unwrap_or(usize::MAX);
        Ok(Self {
            url,
            settings: Arc::new(Settings {
                options: http,
                dialler,
                jar: Mutex::new(Jar::default()),
            }),
            is_binary: options.protocol.is_binary(),
            limit: limit.saturating_add(BATCH),
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
