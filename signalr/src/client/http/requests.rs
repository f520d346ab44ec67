//! HTTP requests: their headers, tokens, cookies and time limits.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Method, Response, StatusCode, Uri,
    header::{ACCEPT, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, COOKIE},
};
use http_body::Body;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper_util::{
    client::legacy::Client,
    rt::{TokioExecutor, TokioTimer},
};

use super::{
    answer::ANSWER_SIZE,
    cookies::Jar,
    dial::Dialler,
    failures::{BoxError, failed, refused, too_late},
    options::HttpOptions,
    tokens::Tokens,
};
use crate::{client::rt::timeout, error::Error};

/// Servers close idle sockets too; a request that meets such a close would look like the end.
const IDLE: Duration = Duration::from_secs(20);
/// The largest head of a response, in bytes.
const HEAD_SIZE: usize = 64 * 1024;
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

impl Settings {
    pub(super) fn new(mut options: HttpOptions) -> Self {
        Self {
            dialler: Dialler::new(&mut options),
            options,
            jar: Mutex::new(Jar::default()),
        }
    }
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

    pub(super) fn failed(&self, source: impl Into<BoxError>) -> Error {
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
        let request = Request::new(what, Method::POST, uri);
        let limit = self.limit();
        let response = self.once(&request, token, limit).await?;
        let response = success(&request, response)?;
        let content_type = response.headers().get(CONTENT_TYPE);
        let content_type = content_type
            .and_then(|found| found.to_str().ok())
            .unwrap_or("unknown")
            .to_owned();
        let body = Limited::new(response.into_body(), ANSWER_SIZE).collect();
        let body = timeout(limit, body)
            .await
            .map_err(|_| too_late(what, uri, limit))?
            .map_err(|error| match error.is::<LengthLimitError>() {
                true => request.failed(format!("the answer has more than {ANSWER_SIZE} bytes")),
                false => request.failed(error),
            })?;
        Ok((content_type, body.to_bytes()))
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
