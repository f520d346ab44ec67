//! Who a request comes from, and for how long that is known (transports reference, section 11).

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::SystemTime,
};

use http::{Extensions, StatusCode, header::AUTHORIZATION, request::Parts};

use super::{
    beat::millis,
    response::{HttpResponse, text},
};
use crate::connection::opening;

/// Who a request comes from, as whoever authorized it has found out.
///
/// [`authorize`](crate::HubServerBuilder::authorize) returns one. Middleware that authorizes requests in front of a server puts one into
/// their extensions instead.
///
/// # Example
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use signalr::Identity;
///
/// let in_an_hour = SystemTime::now() + Duration::from_secs(3600);
/// let identity = Identity::user("ann").expires(in_an_hour);
/// assert_eq!(identity.user_id(), Some("ann"));
/// assert_eq!(Identity::anonymous().user_id(), None);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    user: Option<Arc<str>>,
    expires: Option<SystemTime>,
}

impl Identity {
    /// Nobody in particular.
    #[must_use]
    pub fn anonymous() -> Self {
        Self::default()
    }

    /// A user, by the text that [`Clients::user`](crate::Clients::user) is compared with.
    #[must_use]
    pub fn user(id: impl Into<Arc<str>>) -> Self {
        Self {
            user: Some(id.into()),
            expires: None,
        }
    }

    /// Holds until then, for instance until the token behind it expires. Default: for ever.
    ///
    /// What happens then says [`close_on_expiration`](crate::HubServerBuilder::close_on_expiration).
    #[must_use]
    pub fn expires(mut self, at: SystemTime) -> Self {
        self.expires = Some(at);
        self
    }

    /// The user, if it is one.
    #[must_use]
    pub fn user_id(&self) -> Option<&str> {
        self.user.as_deref()
    }

    pub(crate) fn of(extensions: &Extensions) -> Option<&Self> {
        extensions.get()
    }
}

/// Why a request is turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Denied {
    /// It does not say, or not credibly, who it comes from: 401.
    Unauthorized,
    /// Whoever it comes from may not connect: 403.
    Forbidden,
}

/// The bearer token of a request: from its `Authorization` header or, since browsers cannot set headers on WebSockets and event streams,
/// from its query parameter `access_token`. Official clients send either.
///
/// A token in the query can end up in the logs of servers and proxies.
///
/// # Example
///
/// ```
/// let (request, ()) = http::Request::get("/chat?access_token=s%2B1").body(()).unwrap().into_parts();
/// assert_eq!(signalr::access_token(&request).as_deref(), Some("s+1"));
/// ```
#[must_use]
pub fn access_token(request: &Parts) -> Option<String> {
    let header = request.headers.get(AUTHORIZATION);
    match header.and_then(|header| header.to_str().ok()?.split_once(' ')) {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => {
            Some(token.trim().to_owned())
        }
        _ => opening::query(request, "access_token"),
    }
}

/// What an application asks of every request.
#[derive(Clone)]
pub(crate) struct Authorize(Arc<Check>);

type Check = dyn Fn(&Parts) -> Result<Identity, Denied> + Send + Sync;

impl Authorize {
    pub(crate) fn new(
        check: impl Fn(&Parts) -> Result<Identity, Denied> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(check))
    }

    /// Lets a request pass, with its identity in its extensions.
    ///
    /// # Errors
    /// The response that refuses it.
    pub(super) fn check(&self, request: &mut Parts) -> Result<(), Box<HttpResponse>> {
        let checked = catch_unwind(AssertUnwindSafe(|| (self.0)(request)));
        let status = match checked {
            Ok(Ok(identity)) => {
                request.extensions.insert(identity);
                return Ok(());
            }
            Ok(Err(Denied::Unauthorized)) => StatusCode::UNAUTHORIZED,
            Ok(Err(Denied::Forbidden)) => StatusCode::FORBIDDEN,
            Err(_) => {
                tracing::error!("`authorize` panicked");
                StatusCode::INTERNAL_SERVER_ERROR
            }
        };
        Err(Box::new(text(status, "")))
    }
}

impl fmt::Debug for Authorize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Authorize")
    }
}

/// When a connection's identity expires, on the endpoint's clock.
#[derive(Debug)]
pub(crate) struct Expiry(AtomicU64);

const NEVER: u64 = u64::MAX;

impl Expiry {
    pub(crate) fn never() -> Self {
        Self(AtomicU64::new(NEVER))
    }

    /// Takes what a request says: the one that opened the connection, or a later poll.
    pub(super) fn renew(&self, extensions: &Extensions, now: u64) {
        let at = Identity::of(extensions).and_then(|identity| identity.expires);
        let at = at.map_or(NEVER, |at| {
            let left = at.duration_since(SystemTime::now()).unwrap_or_default();
            now.saturating_add(millis(left))
        });
        self.0.store(at, Relaxed);
    }

    pub(crate) fn is_over(&self, now: u64) -> bool {
        now >= self.0.load(Relaxed)
    }

    /// It has been acted upon.
    pub(crate) fn forget(&self) {
        self.0.store(NEVER, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(target: &str, header: Option<&str>) -> Option<String> {
        let mut request = http::Request::get(target);
        if let Some(header) = header {
            request = request.header(AUTHORIZATION, header);
        }
        let (parts, ()) = request.body(()).expect("a request").into_parts();
        access_token(&parts)
    }

    #[test]
    fn a_token_comes_from_the_header_or_else_from_the_query() {
        for (target, header, found) in [
            ("/", None, None),
            ("/?access_token=q", None, Some("q")),
            ("/?ACCESS_token=q", Some("Basic abc"), Some("q")),
            ("/?access_token=q", Some("Bearer h"), Some("h")),
            ("/", Some("bearer  h "), Some("h")),
            ("/", Some("Bearer"), None),
        ] {
            assert_eq!(
                token(target, header).as_deref(),
                found,
                "{target} {header:?}"
            );
        }
    }
}
