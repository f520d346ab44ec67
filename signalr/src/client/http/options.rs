//! What a connection by URL is set to.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, header};
use hyper_util::client::proxy::matcher::Matcher;

use super::{
    shown::without_secrets,
    tokens::Provider,
    url::{HubUrl, check_port},
};
use crate::{
    connection::HttpTransportType,
    error::{Error, Kind},
};

/// The transports there are, in the order in which servers offer them.
pub(super) const SUPPORTED: &[HttpTransportType] = HttpTransportType::ALL;

const PRODUCT: &str = concat!("signalr-rust/", env!("CARGO_PKG_VERSION"));

/// Headers that are the transports' own.
const RESERVED: &[HeaderName] = &[
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::SEC_WEBSOCKET_ACCEPT,
    header::SEC_WEBSOCKET_EXTENSIONS,
    header::SEC_WEBSOCKET_KEY,
    header::SEC_WEBSOCKET_PROTOCOL,
    header::SEC_WEBSOCKET_VERSION,
    header::TE,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// Which proxy stands between.
pub(super) enum Proxies {
    /// What the environment says, as everywhere; servers on the same machine are reached without.
    Environment,
    None,
    One(Box<Matcher>),
}

/// The settings; they never change once the connection is built.
pub(in crate::client) struct HttpOptions {
    url: String,
    transports: Vec<HttpTransportType>,
    pub(super) skip_negotiation: bool,
    /// On every request.
    pub(super) headers: HeaderMap,
    pub(super) provider: Option<Provider>,
    pub(super) proxies: Proxies,
    #[cfg(feature = "rustls")]
    pub(super) tls: Option<std::sync::Arc<tokio_rustls::rustls::ClientConfig>>,
    /// How long any answer may take, but those of polls.
    pub(super) request_timeout: Duration,
    /// How long before they expire credentials are refreshed; `None`: when somebody says so.
    pub(super) refresh_before: Option<Duration>,
}

impl HttpOptions {
    pub(in crate::client) fn new(url: String) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(header::USER_AGENT, HeaderValue::from_static(PRODUCT));
        // Middleware with a login page answers 401 then, and does not redirect to it.
        headers.insert(
            "x-requested-with",
            HeaderValue::from_static("XMLHttpRequest"),
        );
        Self {
            url,
            transports: HttpTransportType::ALL.to_vec(),
            skip_negotiation: false,
            headers,
            provider: None,
            proxies: Proxies::Environment,
            #[cfg(feature = "rustls")]
            tls: None,
            request_timeout: Duration::from_secs(100),
            refresh_before: None,
        }
    }

    pub(super) fn set_transports(&mut self, transports: Vec<HttpTransportType>) {
        self.transports = transports;
    }

    pub(super) fn allows(&self, transport: HttpTransportType) -> bool {
        self.transports.contains(&transport)
    }

    /// Sets a header in place of what it was; an empty value takes it away.
    ///
    /// # Errors
    /// It is none, or not the user's to set.
    pub(super) fn set_header(&mut self, name: &str, value: &str) -> Result<(), Error> {
        let wrong = |what: &str| invalid("header", format!("must not set `{name}`: {what}"));
        let header = HeaderName::try_from(name).map_err(|_| wrong("it is no name of a header"))?;
        if RESERVED.contains(&header) {
            return Err(wrong("the transports set it"));
        }
        if value.is_empty() {
            self.headers.remove(header);
            return Ok(());
        }
        let mut value = HeaderValue::try_from(value)
            .map_err(|_| wrong("the value has characters that no header takes"))?;
        value.set_sensitive(header == header::AUTHORIZATION || header == header::COOKIE);
        self.headers.insert(header, value);
        Ok(())
    }

    /// # Errors
    /// It is no address of an HTTP proxy.
    pub(super) fn set_proxy(&mut self, url: &str) -> Result<(), Error> {
        let matcher = Matcher::builder().all(url).build();
        let probe = http::Uri::from_static("http://example.com/");
        let is_http = matcher
            .intercept(&probe)
            .is_some_and(|proxy| proxy.uri().scheme_str() == Some("http"));
        if !is_http {
            let shown = without_secrets(url);
            let rule = format!("must be the http URL of a proxy, but is `{shown}`");
            return Err(invalid("proxy", rule));
        }
        check_proxy(url).map_err(|rule| invalid("proxy", rule))?;
        self.proxies = Proxies::One(Box::new(matcher));
        Ok(())
    }

    /// Checks what belongs together, and gives the hub's address.
    ///
    /// # Errors
    /// An option contradicts the rules.
    pub(super) fn check(&self) -> Result<HubUrl, Error> {
        let url = HubUrl::parse(&self.url).map_err(|rule| invalid("url", rule))?;
        check_scheme(&url).map_err(|rule| invalid("url", rule))?;
        if self.transports.is_empty() {
            return Err(invalid("transports", "must name one at least".to_owned()));
        }
        let only_sockets = self
            .transports
            .iter()
            .all(|it| *it == HttpTransportType::WebSockets);
        if self.skip_negotiation && !only_sockets {
            let text =
                "Negotiation can only be skipped when using the WebSocket transport directly.";
            return Err(Kind::NotAllowed(text.into()).into());
        }
        let durations = [
            ("request_timeout", Some(self.request_timeout)),
            ("authentication_refresh_before", self.refresh_before),
        ];
        for (option, duration) in durations {
            if duration.is_some_and(|duration| duration.is_zero()) {
                return Err(invalid(option, "must be longer than zero".to_owned()));
            }
        }
        Ok(url)
    }
}

/// Whether the address of a proxy names nothing else: of another port another proxy would be asked, and behind a separator may lie the
/// rest of a password, and the proxy.
///
/// # Errors
/// Why not, behind "the address …".
fn check_proxy(url: &str) -> Result<(), String> {
    let uri: http::Uri = url.parse().map_err(|_| "must be a URL".to_owned())?;
    check_port(&uri, url)?;
    let is_alone = matches!(uri.path(), "" | "/") && !url.contains(['?', '#']);
    if !is_alone {
        return Err(format!(
            "must end with its host and port, but is `{}`: in a password `/`, `?` and `#` are written as %2F, %3F and %23",
            without_secrets(url)
        ));
    }
    Ok(())
}

/// Whether an address can be reached at all.
///
/// # Errors
/// Why not, behind "the address …".
pub(super) fn check_scheme(url: &HubUrl) -> Result<(), String> {
    if url.is_secure() && !cfg!(feature = "rustls") {
        return Err(format!("is `{url}`, but https needs the feature `rustls`"));
    }
    Ok(())
}

fn invalid(option: &'static str, rule: String) -> Error {
    Kind::InvalidOption { option, rule }.into()
}
