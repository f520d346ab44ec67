//! HTTP requests: their headers, tokens, cookies and time limits.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Method, Response, StatusCode, Uri,
    header::{ACCEPT, AUTHORIZATION, CONTENT_LENGTH, COOKIE},
};
use http_body::Body;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper_util::{
    client::legacy::Client,
    rt::{TokioExecutor, TokioTimer},
};

use super::{cookies::Jar, dial::Dialler, options::HttpOptions, tokens::Tokens, url};
use crate::{
    client::rt::timeout,
    error::{Error, Kind},
};

/// Servers close idle sockets too; a request that meets such a close would look like the end.
const IDLE: Duration = Duration::from_secs(20);
/// The largest head of a response, in bytes.
const HEAD_SIZE: usize = 64 * 1024;
/// Bytes of an answer that matters: to negotiation, and to a refresh.
const ANSWER_SIZE: usize = 64 * 1024;
/// What is read of an answer that does not matter, so that its socket can be used again.
const DRAINED: (usize, Duration) = (64 * 1024, Duration::from_secs(1));

/// What all attempts to connect have in common.
pub(super) struct Settings {
    pub(super) options: HttpOptions,
    pub(super) dialler: Dialler,
    pub(super) jar: Mutex<Jar>,
}

/// The requests of one attempt and of the connection that comes of it. Its sockets go with it.
pub(super) struct Requests {
    client: Client<Dialler, Full<Bytes>>,
    pub(super) settings: Arc<Settings>,
    pub(super) tokens: Tokens,
}

/// A request that may have to be repeated.
pub(super) struct Request {
    /// What errors call it.
    pub(super) what: &'static str,
    pub(super) method: Method,
    pub(super) uri: Uri,
    pub(super) accept: &'static str,
    pub(super) body: Bytes,
}

impl Request {
    pub(super) fn new(what: &'static str, method: Method, uri: &Uri) -> Self {
        Self {
            what,
            method,
            uri: uri.clone(),
            accept: "*/*",
            body: Bytes::new(),
        }
    }

    pub(super) fn failed(&self, source: impl Into<super::dial::BoxError>) -> Error {
        failed(self.what, &self.uri, source)
    }
}

impl Requests {
    pub(super) fn new(settings: &Arc<Settings>) -> Self {
        let client = Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(2)
            .http1_max_buf_size(HEAD_SIZE)
            .build(settings.dialler.clone());
        Self {
            client,
            tokens: Tokens::new(settings.options.provider.as_ref()),
            settings: Arc::clone(settings),
        }
    }

    pub(super) fn limit(&self) -> Duration {
        self.settings.options.request_timeout
    }

    /// Sends a request with the connection's token; once more with a new one if that is refused.
    ///
    /// # Errors
    /// The server is not reached, does not answer in time, or with something else than success.
    pub(super) async fn send(
        &self,
        request: &Request,
        limit: Duration,
    ) -> Result<Response<Incoming>, Error> {
        let token = self.tokens.current().await?;
        let mut response = self.once(request, token.as_ref(), limit).await?;
        if response.status() == StatusCode::UNAUTHORIZED
            && let Some(new) = self.tokens.instead_of(&token).await?
        {
            response = self.once(request, new.as_ref(), limit).await?;
        }
        success(request, response)
    }

    /// Sends a request with a token that was asked for it alone.
    ///
    /// # Errors
    /// As [`send`](Self::send), and the provider's.
    pub(super) async fn send_fresh(&self, request: &Request) -> Result<Response<Incoming>, Error> {
        let token = self.tokens.fresh().await?;
        self.send_with(request, token.as_ref()).await
    }

    /// Sends a request with this token.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub(super) async fn send_with(
        &self,
        request: &Request,
        token: Option<&HeaderValue>,
    ) -> Result<Response<Incoming>, Error> {
        let response = self.once(request, token, self.limit()).await?;
        success(request, response)
    }

    async fn once(
        &self,
        request: &Request,
        token: Option<&HeaderValue>,
        limit: Duration,
    ) -> Result<Response<Incoming>, Error> {
        let mut sent = http::Request::new(Full::new(request.body.clone()));
        sent.method_mut().clone_from(&request.method);
        sent.uri_mut().clone_from(&request.uri);
        *sent.headers_mut() = self.headers(&request.uri, token, request.accept);
        if request.method == Method::POST {
            // Some servers refuse a POST that does not say so if it is empty.
            let length = HeaderValue::from(request.body.len());
            sent.headers_mut().insert(CONTENT_LENGTH, length);
        }
        let answered = timeout(limit, self.client.request(sent)).await;
        let response = answered
            .map_err(|_| too_late(request.what, &request.uri, limit))?
            .map_err(|error| request.failed(error))?;
        self.keep_cookies(&request.uri, response.headers());
        Ok(response)
    }

    /// What every request has.
    pub(super) fn headers(
        &self,
        uri: &Uri,
        token: Option<&HeaderValue>,
        accept: &'static str,
    ) -> HeaderMap {
        let mut headers = self.settings.options.headers.clone();
        if !headers.contains_key(ACCEPT) {
            headers.insert(ACCEPT, HeaderValue::from_static(accept));
        }
        if let Some(token) = token {
            headers.insert(AUTHORIZATION, token.clone());
        }
        let cookies = {
            let jar = &self.settings.jar;
            let jar = jar.lock().unwrap_or_else(PoisonError::into_inner);
            jar.header(uri, headers.get(COOKIE), SystemTime::now())
        };
        if let Some(cookies) = cookies {
            headers.insert(COOKIE, cookies);
        }
        headers
    }

    pub(super) fn keep_cookies(&self, uri: &Uri, headers: &HeaderMap) {
        let jar = &self.settings.jar;
        let mut jar = jar.lock().unwrap_or_else(PoisonError::into_inner);
        jar.store(uri, headers, SystemTime::now());
    }

    /// Reads a short answer whole.
    ///
    /// # Errors
    /// It is too long, breaks off, or does not come in time.
    pub(super) async fn read(
        &self,
        request: &Request,
        response: Response<Incoming>,
    ) -> Result<Bytes, Error> {
        let limit = self.limit();
        let body = Limited::new(response.into_body(), ANSWER_SIZE).collect();
        let body = timeout(limit, body)
            .await
            .map_err(|_| too_late(request.what, &request.uri, limit))?
            .map_err(|error| match error.is::<LengthLimitError>() {
                true => request.failed(format!("the answer has more than {ANSWER_SIZE} bytes")),
                false => request.failed(error),
            })?;
        Ok(body.to_bytes())
    }

    /// Reads an answer whose content does not matter, if it is short and comes soon: its socket serves the next request then.
    pub(super) async fn drain(response: Response<Incoming>) {
        let body = response.into_body();
        if !body.is_end_stream() {
            let (size, time) = DRAINED;
            let _ = timeout(time, Limited::new(body, size).collect()).await;
        }
    }
}

fn success(request: &Request, response: Response<Incoming>) -> Result<Response<Incoming>, Error> {
    if response.status().is_success() {
        return Ok(response);
    }
    Err(refused(request.what, &request.uri, response.status()))
}

pub(super) fn refused(what: &'static str, uri: &Uri, status: StatusCode) -> Error {
    let kind = Kind::Status {
        what,
        url: url::shown(uri),
        status: status.as_u16(),
    };
    kind.into()
}

pub(super) fn too_late(what: &'static str, uri: &Uri, after: Duration) -> Error {
    let url = url::shown(uri);
    Kind::RequestTimeout { what, url, after }.into()
}

pub(super) fn failed(
    what: &'static str,
    uri: &Uri,
    source: impl Into<super::dial::BoxError>,
) -> Error {
    let kind = Kind::ConnectBy {
        what: format!("{what} at {} failed", url::shown(uri)),
        source: source.into(),
    };
    kind.into()
}
