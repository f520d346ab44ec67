//! What a browser must be told before a page of another origin may use a hub (transports reference, section 13).

use http::{
    HeaderName, HeaderValue, Method, StatusCode,
    header::{
        ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS,
        ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_MAX_AGE,
        ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, VARY,
    },
    request::Parts,
};

use super::{
    options::HttpOptions,
    origins::Source,
    response::{HttpResponse, empty, text},
};

/// What is added to the response, whatever it is: without it a browser hides even the status of an error.
#[derive(Debug, Default)]
pub(super) enum Cors {
    /// Nothing: no other origin may use the hub, or the headers are left to the host.
    #[default]
    Nothing,
    /// To another origin the response would say more, which is for caches to know.
    Vary,
    /// The page of this origin may read the response.
    Allow(HeaderValue),
}

impl Cors {
    /// Checks the origin of a request.
    ///
    /// # Errors
    /// The response that refuses it.
    pub(super) fn check(options: &HttpOptions, parts: &Parts) -> Result<Self, Box<HttpResponse>> {
        let origins = &options.origins;
        match origins.check(parts) {
            Ok(_) if !options.cors_headers => Ok(Self::Nothing),
            Ok(Source::Here) if origins.is_open() => Ok(Self::Vary),
            Ok(Source::Here) => Ok(Self::Nothing),
            // A copy, as the request's own would keep the read buffer in memory while a poll waits.
            Ok(Source::Elsewhere(origin)) => {
                Ok(HeaderValue::from_bytes(origin.as_bytes()).map_or(Self::Vary, Self::Allow))
            }
            Err(reason) => {
                tracing::info!("{reason}");
                Err(Box::new(text(StatusCode::FORBIDDEN, reason)))
            }
        }
    }

    /// The answer to a browser that asks what a page of another origin may send; `None` for any other request.
    pub(super) fn preflight(&self, parts: &Parts) -> Option<HttpResponse> {
        let asked = parts.method == Method::OPTIONS
            && parts.headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
        let Self::Allow(_) = self else { return None };
        if !asked {
            return None;
        }
        let mut response = empty(StatusCode::NO_CONTENT);
        let headers = response.headers_mut();
        let methods = HeaderValue::from_static("GET, POST, DELETE");
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
        // Applications may add headers of their own, and a wildcard does not count with credentials.
        if let Some(wanted) = parts.headers.get(ACCESS_CONTROL_REQUEST_HEADERS) {
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, wanted.clone());
        }
        // The longest that browsers take. What is no longer allowed is refused all the same.
        headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("7200"));
        let asked = "Access-Control-Request-Method, Access-Control-Request-Headers";
        headers.insert(VARY, HeaderValue::from_static(asked));
        Some(response)
    }

    /// Adds the headers to a response.
    pub(super) fn add_to(self, response: &mut HttpResponse) {
        let headers = response.headers_mut();
        let mut insert = |name: HeaderName, value| {
            headers.insert(name, value);
        };
        match self {
            Self::Nothing => return,
            Self::Vary => {}
            Self::Allow(origin) => {
                insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
                let yes = HeaderValue::from_static("true");
                insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, yes);
            }
        }
        headers.append(VARY, HeaderValue::from_static("Origin"));
    }
}
