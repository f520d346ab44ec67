//! The options of connections by URL.

use std::{sync::Arc, time::Duration};

use super::options::HttpOptions;
#[cfg(not(target_arch = "wasm32"))]
use super::options::Proxies;
#[cfg(not(target_arch = "wasm32"))]
use crate::connection::HttpTransportType;
use crate::{
    client::{HubConnection, HubConnectionBuilder},
    error::Error,
};

/// How long before they expire credentials are refreshed, as official clients do.
const REFRESH_BEFORE: Duration = Duration::from_secs(5 * 60);

impl HubConnection {
    /// A builder for a connection to the hub at a URL, `http` or `https`; the latter needs the feature `rustls`. The URL's query goes
    /// with every request.
    ///
    /// The connection is negotiated, and the first of the server's transports that works is used. A URL that is none is an error of
    /// [`build`](HubConnectionBuilder::build).
    ///
    /// # Example
    ///
    /// ```no_run
    /// # async fn run() -> Result<(), signalr::Error> {
    /// use signalr::HubConnection;
    ///
    /// let connection = HubConnection::builder("http://localhost:5000/chat?room=lobby").connect().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn builder(url: impl Into<String>) -> HubConnectionBuilder {
        HubConnectionBuilder::of_url(HttpOptions::new(url.into()))
    }
}

/// Options of connections by URL; for others they are errors of [`build`](HubConnectionBuilder::build).
impl HubConnectionBuilder {
    /// Whether a WebSocket is opened at once, without negotiation; `false` if nothing is said. The connection has no id then.
    ///
    /// Anything but WebSockets alone as `transports` is an error of [`build`](Self::build); browsers have nothing else.
    ///
    /// # Example
    ///
    /// ```
    /// use signalr::{HttpTransportType, HubConnection};
    ///
    /// let connection = HubConnection::builder("http://localhost:5000/chat")
    ///     .transports([HttpTransportType::WebSockets])
    ///     .skip_negotiation(true)
    ///     .build()?;
    /// # Ok::<(), signalr::Error>(())
    /// ```
    pub fn skip_negotiation(self, skip: bool) -> Self {
        self.http("skip_negotiation", |http| {
            http.skip_negotiation = skip;
            Ok(())
        })
    }

    /// A closure that is asked for the access token, which goes with every request as `Authorization: Bearer …`; `None` and an empty
    /// text: without. A browser's WebSocket has it in its address, as `access_token`.
    ///
    /// It is asked for each negotiation, once more for a WebSocket, for each authentication refresh, and again when the server answers
    /// another request with 401, which is then repeated once. Its error fails what needed the token, and so does more than the
    /// [`request_timeout`](Self::request_timeout).
    ///
    /// A connection that is being closed does not wait for an answer that it still lacks, and no longer than 1 s for another: the
    /// closure may itself stop the connection.
    ///
    /// # Example
    ///
    /// ```
    /// use signalr::HubConnection;
    ///
    /// # async fn fetch_token() -> Result<String, std::io::Error> { Ok("secret".to_owned()) }
    /// let connection = HubConnection::builder("http://localhost:5000/chat")
    ///     .access_token(|| async { Ok(Some(fetch_token().await?)) })
    ///     .build()?;
    /// # Ok::<(), signalr::Error>(())
    /// ```
    pub fn access_token<F>(self, provider: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Option<String>, Box<dyn std::error::Error + Send + Sync>>>
            + Send
            + 'static,
    {
        self.http("access_token", |http| {
            http.provider = Some(Arc::new(move || Box::pin(provider())));
            Ok(())
        })
    }

    /// How long the server may take to answer a request, from the connection's opening to the answer's head; 100 s if nothing is said. A
    /// poll has 20 s more, and is repeated when they are over. [`access_token`](Self::access_token) may take as long before it.
    ///
    /// # Example
    ///
    /// ```
    /// use std::time::Duration;
    /// use signalr::HubConnection;
    ///
    /// let connection = HubConnection::builder("http://localhost:5000/chat")
    ///     .request_timeout(Duration::from_secs(20))
    ///     .build()?;
    /// # Ok::<(), signalr::Error>(())
    /// ```
    pub fn request_timeout(self, timeout: Duration) -> Self {
        self.http("request_timeout", |http| {
            http.request_timeout = timeout;
            Ok(())
        })
    }

    /// Shows the server new credentials before those that it has seen expire: five minutes before, or after the half of a lifetime of
    /// up to ten minutes.
    ///
    /// [`access_token`](Self::access_token) is asked for them. Lifetimes are the server's word, so it has to have the feature, as
    /// ASP.NET Core 11 has, and to enable it; without, nothing happens. What comes of it are the events
    /// [`on_authentication_refreshed`](Self::on_authentication_refreshed) and
    /// [`on_authentication_refresh_failed`](Self::on_authentication_refresh_failed); a failure does not end the connection, and is not
    /// tried again before somebody calls [`HubConnection::refresh_authentication`]. Off if nothing is said.
    ///
    /// # Example
    ///
    /// ```no_run
    /// # async fn fetch_token() -> Result<String, std::io::Error> { Ok("secret".to_owned()) }
    /// # async fn run() -> Result<(), signalr::Error> {
    /// use signalr::HubConnection;
    ///
    /// let connection = HubConnection::builder("http://localhost:5000/chat")
    ///     .access_token(|| async { Ok(Some(fetch_token().await?)) })
    ///     .authentication_refresh()
    ///     .on_authentication_refresh_failed(|error| async move { eprintln!("soon locked out: {error}") })
    ///     .connect()
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn authentication_refresh(self) -> Self {
        self.http("authentication_refresh", |http| {
            http.refresh_before.get_or_insert(REFRESH_BEFORE);
            Ok(())
        })
    }

    /// As [`authentication_refresh`](Self::authentication_refresh), so long before the expiration; 5 min if nothing is said. A lifetime
    /// of up to twice that is refreshed at its half, and none sooner than a second after it began.
    ///
    /// # Example
    ///
    /// ```
    /// use std::time::Duration;
    /// use signalr::HubConnection;
    ///
    /// let connection = HubConnection::builder("http://localhost:5000/chat")
    ///     .authentication_refresh_before(Duration::from_secs(60))
    ///     .build()?;
    /// # Ok::<(), signalr::Error>(())
    /// ```
    pub fn authentication_refresh_before(self, before: Duration) -> Self {
        self.http("authentication_refresh_before", |http| {
            http.refresh_before = Some(before);
            Ok(())
        })
    }

    fn http(
        mut self,
        option: &'static str,
        set: impl FnOnce(&mut HttpOptions) -> Result<(), Error>,
    ) -> Self {
        self.set_http(option, set);
        self
    }
}

/// What browsers leave to no page: there are none of these options on wasm32.
#[cfg(not(target_arch = "wasm32"))]
impl HubConnectionBuilder {
    /// The transports that may be used; all of them if nothing is said. The order is the server's.
    ///
    /// # Example
    ///
    /// ```
    /// use signalr::{HttpTransportType, HubConnection};
    ///
    /// let connection = HubConnection::builder("http://localhost:5000/chat")
    ///     .transports([HttpTransportType::WebSockets, HttpTransportType::LongPolling])
    ///     .build()?;
    /// # Ok::<(), signalr::Error>(())
    /// ```
    pub fn transports(self, transports: impl IntoIterator<Item = HttpTransportType>) -> Self {
        let transports = transports.into_iter().collect();
        self.http("transports", |http| {
            http.set_transports(transports);
            Ok(())
        })
    }

    /// A header of every request, in place of an earlier one of the name; an empty value takes it away. Unless it is set,
    /// `User-Agent` names this library, and `X-Requested-With` is `XMLHttpRequest`, which keeps servers from answering with a login page.
    ///
    /// # Example
    ///
    /// ```
    /// use signalr::HubConnection;
    ///
    /// let connection = HubConnection::builder("http://localhost:5000/chat")
    ///     .header("X-Tenant", "blue")
    ///     .header("User-Agent", "")
    ///     .build()?;
    /// # Ok::<(), signalr::Error>(())
    /// ```
    pub fn header(self, name: &str, value: &str) -> Self {
        self.http("header", |http| http.set_header(name, value))
    }

    /// An HTTP proxy that all connections go through, by CONNECT: `http://proxy:3128`, or with credentials `http://ann:secret@proxy:3128`.
    /// In those `/`, `?`, `#` and `@` are percent-encoded. What is no such URL, or has more behind the port, is an error of
    /// [`build`](Self::build).
    ///
    /// If nothing is said, `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` of the environment decide, and servers on the same
    /// machine are reached without; see [`no_proxy`](Self::no_proxy).
    ///
    /// # Example
    ///
    /// ```
    /// use signalr::HubConnection;
    ///
    /// let connection = HubConnection::builder("http://example.com/chat").proxy("http://proxy:3128").build()?;
    /// # Ok::<(), signalr::Error>(())
    /// ```
    pub fn proxy(self, url: &str) -> Self {
        self.http("proxy", |http| http.set_proxy(url))
    }

    /// Uses no proxy, whatever the environment says.
    ///
    /// # Example
    ///
    /// ```
    /// use signalr::HubConnection;
    ///
    /// let connection = HubConnection::builder("http://example.com/chat").no_proxy().build()?;
    /// # Ok::<(), signalr::Error>(())
    /// ```
    pub fn no_proxy(self) -> Self {
        self.http("no_proxy", |http| {
            http.proxies = Proxies::None;
            Ok(())
        })
    }

    /// The configuration of TLS: roots of one's own, client certificates, another provider. If nothing is said, the platform's roots are
    /// trusted. The names for ALPN are set by the transports.
    ///
    /// # Example
    ///
    /// ```no_run
    /// use signalr::{HubConnection, rustls};
    ///
    /// # fn build(roots: rustls::RootCertStore) -> Result<(), signalr::Error> {
    /// let config = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    /// let connection = HubConnection::builder("https://example.com/chat").tls(config).build()?;
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "rustls")]
    pub fn tls(self, config: impl Into<Arc<tokio_rustls::rustls::ClientConfig>>) -> Self {
        let config = config.into();
        self.http("tls", |http| {
            http.tls = Some(config);
            Ok(())
        })
    }
}
