//! What a connection by URL is set to in a browser.

use std::time::Duration;

use js_sys::{global, wasm_bindgen::JsCast};
use web_sys::{Url, Window, WorkerGlobalScope};

use super::{tokens::Provider, url::HubUrl};
use crate::{
    client::HubConnectionBuilder,
    connection::HttpTransportType,
    error::{Error, Kind},
};

/// The transports there are.
pub(super) const SUPPORTED: &[HttpTransportType] = &[HttpTransportType::WebSockets];

/// The settings; they never change once the connection is built.
pub(in crate::client) struct HttpOptions {
    url: String,
    pub(super) skip_negotiation: bool,
    pub(super) provider: Option<Provider>,
    pub(super) with_credentials: bool,
    /// Bytes that have come and were not read.
    pub(super) receive_queue_limit: Option<usize>,
    /// How long any answer may take.
    pub(super) request_timeout: Duration,
    /// How long before they expire credentials are refreshed; `None`: when somebody says so.
    pub(super) refresh_before: Option<Duration>,
}

impl HttpOptions {
    pub(in crate::client) fn new(url: String) -> Self {
        Self {
            url,
            skip_negotiation: false,
            provider: None,
            with_credentials: true,
            receive_queue_limit: Some(64 * 1024 * 1024),
            request_timeout: Duration::from_secs(100),
            refresh_before: None,
        }
    }

    #[expect(clippy::unused_self, reason = "elsewhere there is a choice")]
    pub(super) fn allows(&self, transport: HttpTransportType) -> bool {
        SUPPORTED.contains(&transport)
    }

    /// Checks what belongs together, and gives the hub's address.
    ///
    /// # Errors
    /// An option contradicts the rules.
    pub(super) fn check(&self) -> Result<HubUrl, Error> {
        let absolute = absolute(&self.url);
        let url = HubUrl::parse(absolute.as_deref().unwrap_or(&self.url))
            .map_err(|rule| invalid("url", rule))?;
        let durations = [
            ("request_timeout", Some(self.request_timeout)),
            ("authentication_refresh_before", self.refresh_before),
        ];
        for (option, duration) in durations {
            if duration.is_some_and(|duration| duration.is_zero()) {
                return Err(invalid(option, "must be longer than zero".to_owned()));
            }
        }
        if self.receive_queue_limit == Some(0) {
            let rule = "must be at least 1, but is 0".to_owned();
            return Err(invalid("receive_queue_limit", rule));
        }
        Ok(url)
    }
}

/// Options that only connections in browsers have.
impl HubConnectionBuilder {
    /// Whether cookies and the like go with negotiations and authentication refreshes to another origin, which must allow it; `true` if
    /// nothing is said, as in official clients. WebSockets always have them.
    ///
    /// # Example
    ///
    /// ```no_run
    /// use signalr::HubConnection;
    ///
    /// let connection = HubConnection::builder("https://example.com/chat").with_credentials(false).build()?;
    /// # Ok::<(), signalr::Error>(())
    /// ```
    pub fn with_credentials(mut self, with: bool) -> Self {
        self.set_http("with_credentials", |http| {
            http.with_credentials = with;
            Ok(())
        });
        self
    }

    /// Bytes that may have come and wait for slow readers of streams, or `None`; 64 MiB if nothing is said. More end the connection: a
    /// browser cannot be asked to slow the server down.
    ///
    /// # Example
    ///
    /// ```no_run
    /// use signalr::HubConnection;
    ///
    /// let connection = HubConnection::builder("/chat").receive_queue_limit(1024 * 1024).build()?;
    /// # Ok::<(), signalr::Error>(())
    /// ```
    pub fn receive_queue_limit(mut self, bytes: impl Into<Option<usize>>) -> Self {
        let bytes = bytes.into();
        self.set_http("receive_queue_limit", |http| {
            http.receive_queue_limit = bytes;
            Ok(())
        });
        self
    }
}

/// Whether an address can be reached at all; the browser has TLS.
#[expect(
    clippy::unnecessary_wraps,
    reason = "elsewhere it depends on a feature"
)]
pub(super) fn check_scheme(_: &HubUrl) -> Result<(), String> {
    Ok(())
}

/// An address as the page means it.
fn absolute(url: &str) -> Option<String> {
    // Of an empty one the page's own would be made.
    let bases = bases().into_iter().filter(|_| !url.is_empty());
    let mut resolved = bases.filter_map(|base| Url::new_with_base(url, &base).ok());
    Some(resolved.next()?.href())
}

/// What addresses may be relative to, the first that fits.
fn bases() -> Vec<String> {
    let global = match global().dyn_into::<Window>() {
        Ok(window) => {
            let document = window.document();
            let base = document.and_then(|document| document.base_uri().ok()?);
            return base.into_iter().collect();
        }
        Err(global) => global,
    };
    let Ok(worker) = global.dyn_into::<WorkerGlobalScope>() else {
        return Vec::new();
    };
    // A worker may come from a blob, which is no place, but has an origin.
    let location = worker.location();
    vec![location.href(), location.origin()]
}

fn invalid(option: &'static str, rule: String) -> Error {
    Kind::InvalidOption { option, rule }.into()
}
