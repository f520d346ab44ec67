//! What a browser sends for us: negotiations and refreshes, with their token and time limit.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderValue, StatusCode, Uri};

use super::{
    answer::ANSWER_SIZE,
    failures::{failed, refused, too_late},
    fetch,
    options::HttpOptions,
    tokens::Tokens,
};
use crate::{client::rt::timeout, error::Error};

/// What all attempts to connect have in common.
pub(super) struct Settings {
    pub(super) options: HttpOptions,
}

impl Settings {
    pub(super) fn new(options: HttpOptions) -> Self {
        Self { options }
    }
}

/// The requests of one attempt and of the connection that comes of it.
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

    /// Posts nothing to an address, once and with this token; gives the type of the answer, and the answer.
    ///
    /// # Errors
    /// The server is not reached, does not answer in time, or with something else than success; the answer is too long.
    pub(super) async fn post(
        &self,
        what: &'static str,
        uri: &Uri,
        token: Option<&HeaderValue>,
    ) -> Result<(String, Bytes), Error> {
        let limit = self.limit();
        let with_credentials = self.settings.options.with_credentials;
        let posted = fetch::post(uri, token, with_credentials, ANSWER_SIZE);
        let answer = timeout(limit, posted)
            .await
            .map_err(|_| too_late(what, uri, limit))?
            .map_err(|error| failed(what, uri, error))?;
        match StatusCode::from_u16(answer.status) {
            Ok(status) if !status.is_success() => Err(refused(what, uri, status)),
            _ => Ok((answer.content_type, answer.body)),
        }
    }
}
