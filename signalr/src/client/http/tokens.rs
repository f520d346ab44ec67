//! Access tokens: where they come from, and how long one is used.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures_util::FutureExt;
use http::HeaderValue;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use super::failures::BoxError;
use crate::{
    client::rt::{either, timeout},
    connection::BoxFuture,
    error::{Error, Kind},
};

/// Asks the user for a token; `None` and an empty one: there is none.
pub(super) type Provider =
    Arc<dyn Fn() -> BoxFuture<Result<Option<String>, BoxError>> + Send + Sync>;

/// The same with an end: what waits for a token may have no other.
pub(super) fn limited(provider: Provider, limit: Duration) -> Provider {
    Arc::new(move || {
        let asked = provider();
        Box::pin(async move {
            let late = |_| format!("it gave none within the `request_timeout`: {limit:?}");
            timeout(limit, asked).await.map_err(late)?
        })
    })
}

/// The `Authorization` header; `None`: without.
pub(super) type Token = Option<HeaderValue>;

/// How long a connection that is being closed waits for the user's token. Whoever gives it may itself wait for the end.
const LAST_WAIT: Duration = Duration::from_secs(1);

/// The token of one attempt to connect and of the connection that comes of it.
pub(super) struct Tokens {
    /// The user's, whatever a redirect has put in its place.
    provider: Option<Provider>,
    state: Mutex<State>,
    leaving: CancellationToken,
}

struct State {
    source: Source,
    /// What the source gave last; `None`: it was not asked yet.
    cached: Option<Token>,
    /// The provider was asked and has not answered, whether anybody still waits for that or not.
    is_asked: bool,
}

enum Source {
    Nothing,
    Provider(Provider),
    /// A redirect's, for the rest of the attempt.
    Fixed(HeaderValue),
}

impl Tokens {
    pub(super) fn new(provider: Option<&Provider>) -> Self {
        let provider = provider.cloned();
        let source = provider.clone().map(Source::Provider);
        Self {
            provider,
            state: Mutex::new(State {
                source: source.unwrap_or(Source::Nothing),
                cached: None,
                is_asked: false,
            }),
            leaving: CancellationToken::new(),
        }
    }

    /// The connection is being closed: it waits no longer for a provider that has not answered by now, and not long for any.
    #[cfg(not(target_arch = "wasm32"))]
    pub(super) fn leave(&self) {
        self.leaving.cancel();
    }

    /// Asks for a new token, for a request that begins something.
    ///
    /// # Errors
    /// The provider fails.
    pub(super) async fn fresh(&self) -> Result<Token, Error> {
        self.state.lock().await.ask(&self.leaving).await
    }

    /// The last token.
    ///
    /// # Errors
    /// The provider was not asked before, and fails.
    #[cfg(not(target_arch = "wasm32"))]
    pub(super) async fn current(&self) -> Result<Token, Error> {
        let mut state = self.state.lock().await;
        match &state.cached {
            Some(token) => Ok(token.clone()),
            None => state.ask(&self.leaving).await,
        }
    }

    /// A token in place of one that was refused; of several requests that were refused together the first asks. `None`: there is
    /// nobody to ask.
    ///
    /// # Errors
    /// The provider fails.
    #[cfg(not(target_arch = "wasm32"))]
    pub(super) async fn instead_of(&self, refused: &Token) -> Result<Option<Token>, Error> {
        let mut state = self.state.lock().await;
        if !matches!(state.source, Source::Provider(_)) {
            return Ok(None);
        }
        match &state.cached {
            Some(token) if token != refused => Ok(Some(token.clone())),
            _ => state.ask(&self.leaving).await.map(Some),
        }
    }

    /// Asks the user for a new token that no request has yet.
    ///
    /// # Errors
    /// The provider fails.
    pub(super) async fn asked_anew(&self) -> Result<Token, Error> {
        match &self.provider {
            Some(provider) => asked(provider).await,
            None => Ok(None),
        }
    }

    /// The user's token was taken: later requests have it, where they had the user's before.
    pub(super) async fn taken(&self, token: Token) {
        let mut state = self.state.lock().await;
        if matches!(state.source, Source::Provider(_)) {
            state.cached = Some(token);
        }
    }

    /// A redirect's token, in place of the provider's.
    ///
    /// # Errors
    /// It fits no header.
    pub(super) async fn replace(&self, token: &str) -> Result<(), Error> {
        let mut state = self.state.lock().await;
        state.source = bearer(token)?.map_or(Source::Nothing, Source::Fixed);
        state.cached = None;
        Ok(())
    }
}

impl State {
    async fn ask(&mut self, leaving: &CancellationToken) -> Result<Token, Error> {
        let token = match &self.source {
            Source::Nothing => None,
            Source::Fixed(token) => Some(token.clone()),
            Source::Provider(_) if self.is_asked && leaving.is_cancelled() => {
                return Err(given_up());
            }
            Source::Provider(provider) => {
                self.is_asked = true;
                let answer = match leaving.is_cancelled() {
                    true => timeout(LAST_WAIT, asked(provider)).await.ok(),
                    false => either(leaving.cancelled(), asked(provider)).await.err(),
                };
                let answer = answer.ok_or_else(given_up)?;
                self.is_asked = false;
                answer?
            }
        };
        self.cached = Some(token.clone());
        Ok(token)
    }
}

async fn asked(provider: &Provider) -> Result<Token, Error> {
    let asked = AssertUnwindSafe(async { provider().await });
    let given = asked
        .catch_unwind()
        .await
        .map_err(|_| Error::from(Kind::Connect("the access token provider panicked".into())))?;
    let token = given.map_err(|source| Kind::ConnectBy {
        what: "the access token provider failed".to_owned(),
        source,
    })?;
    bearer(token.as_deref().unwrap_or(""))
}

fn given_up() -> Error {
    let text = "the connection was closed before the access token provider answered";
    Kind::Connect(text.into()).into()
}

fn bearer(token: &str) -> Result<Token, Error> {
    if token.is_empty() {
        return Ok(None);
    }
    let header = HeaderValue::try_from(format!("Bearer {token}"));
    let mut header = header.map_err(|_| {
        Kind::Connect("the access token has characters that no header takes".into())
    })?;
    header.set_sensitive(true);
    Ok(Some(header))
}
