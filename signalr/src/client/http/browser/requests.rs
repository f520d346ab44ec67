//! What a browser sends for us: negotiations, with their token and time limit.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{StatusCode, Uri};

use super::{
    attempt::ANSWER_SIZE,
    failures::{failed, refused, too_late},
    fetch,
    options::HttpOptions,
    tokens::Tokens,
};
use crate::{client::rt::timeout, error::Error};

const WHAT: &str = "negotiation";

/// What all attempts to connect have in common.
pub(super) struct Settings {
    pub(super) options: HttpOptions,
}

impl Settings {
    pub(super) fn new(options: HttpOptions) -> Self {
        Self { options }
    }
}

/// The requests of one attempt.
pub(super) struct Requests {
    pub(super) settings: Arc<Settings>,
    pub(super) tokens: Tokens,
}

impl Requests {
    pub(super) fn new(settings: &Arc<Settings>) -> Self {
        Self {
            tokens: Tokens::new(settings.options.provider.as_ref()),
            settings: Arc::clone(settings),
        }
    }

    pub(super) fn limit(&self) -> Duration {
        self.settings.options.request_timeout
    }

    /// Asks for a connection; gives the type of the answer, and the answer.
    ///
    /// # Errors
    /// The token's provider fails; the server is not reached, does not answer in time, or with something else than success.
    pub(super) async fn negotiate(&self, uri: &Uri) -> Result<(String, Bytes), Error> {
        let token = self.tokens.fresh().await?;
        let limit = self.limit();
        let with_credentials = self.settings.options.with_credentials;
        let posted = fetch::post(uri, token.as_ref(), with_credentials, ANSWER_SIZE);
        let answer = timeout(limit, posted)
            .await
            .map_err(|_| too_late(WHAT, uri, limit))?
            .map_err(|error| failed(WHAT, uri, error))?;
        match StatusCode::from_u16(answer.status) {
            Ok(status) if !status.is_success() => Err(refused(WHAT, uri, status)),
            _ => Ok((answer.content_type, answer.body)),
        }
    }
}
