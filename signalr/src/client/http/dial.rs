//! Opening streams to a server: by TCP, through a proxy, inside TLS.

use std::{
    future::poll_fn,
    io::{self, IoSlice},
    net::IpAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use http::Uri;
use hyper_util::{
    client::{
        legacy::connect::{Connected, Connection, HttpConnector, proxy::Tunnel},
        proxy::matcher::{Intercept, Matcher},
    },
    rt::TokioIo,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tower_service::Service;

use super::{
    failures::BoxError,
    options::{HttpOptions, Proxies},
};
use crate::{
    connection::BoxFuture,
    error::{Error, Kind},
};

pub(super) trait Io: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Io for S {}

/// An open stream to a server.
pub(super) struct Dialled {
    pub(super) io: Box<dyn Io>,
    pub(super) is_http2: bool,
    /// Bytes so far.
    pub(super) written: usize,
}

impl Dialled {
    pub(super) fn new(io: impl Io + 'static, is_http2: bool) -> Self {
        Self {
            io: Box::new(io),
            is_http2,
            written: 0,
        }
    }

    fn count(&mut self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(bytes)) = written {
            self.written = self.written.wrapping_add(bytes);
        }
        written
    }
}

/// What a stream is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    Requests,
    /// Only HTTP/1.1 can be upgraded.
    WebSocket,
}

/// Opens streams as the options say; as a service it does so for requests.
#[derive(Clone)]
pub(super) struct Dialler(Arc<Settings>);

struct Settings {
    matcher: Option<Matcher>,
    /// Whether servers on this machine are reached through the proxy too.
    for_loopback: bool,
    #[cfg(feature = "rustls")]
    tls: Option<Arc<tokio_rustls::rustls::ClientConfig>>,
}

impl Dialler {
    pub(super) fn new(options: &mut HttpOptions) -> Self {
        let (matcher, for_loopback) = match std::mem::replace(&mut options.proxies, Proxies::None) {
            Proxies::Environment => ((!is_without()).then(Matcher::from_env), false),
            Proxies::None => (None, false),
            Proxies::One(matcher) => (Some(*matcher), true),
        };
        Self(Arc::new(Settings {
            matcher,
            for_loopback,
            #[cfg(feature = "rustls")]
            tls: options.tls.clone(),
        }))
    }

    /// Opens a stream to the server of an address. The caller limits the time.
    ///
    /// # Errors
    /// The server or the proxy is not reached, or does not agree.
    pub(super) async fn dial(&self, uri: &Uri, purpose: Purpose) -> Result<Dialled, BoxError> {
        let host = uri.host().ok_or("the address has no host")?;
        let is_secure = uri.scheme_str() == Some("https");
        let port = uri.port_u16().unwrap_or(if is_secure { 443 } else { 80 });
        // A tunnel asks for the port as it is written.
        let server = Uri::builder()
            .scheme("http")
            .authority(format!("{host}:{port}"))
            .path_and_query("/")
            .build()?;
        let stream = match self.proxy(uri, host) {
            Some(proxy) => tunnel(&proxy, server)
                .await
                .map_err(|source| not_through(&proxy, host, port, source))?,
            None => call(&mut tcp(), server).await?,
        };
        let stream = stream.into_inner();
        if is_secure {
            return self.secure(host, stream, purpose).await;
        }
        Ok(Dialled::new(stream, false))
    }

    fn proxy(&self, uri: &Uri, host: &str) -> Option<Intercept> {
        let matcher = self.0.matcher.as_ref()?;
        if !self.0.for_loopback && is_loopback(host) {
            return None;
        }
        matcher.intercept(uri)
    }

    #[cfg(feature = "rustls")]
    async fn secure(
        &self,
        host: &str,
        stream: TcpStream,
        purpose: Purpose,
    ) -> Result<Dialled, BoxError> {
        super::tls::secure(self.0.tls.as_ref(), host, stream, purpose).await
    }

    #[cfg(not(feature = "rustls"))]
    #[expect(clippy::unused_async, reason = "with the feature it waits")]
    async fn secure(&self, _: &str, _: TcpStream, _: Purpose) -> Result<Dialled, BoxError> {
        Err("https needs the feature `rustls`".into())
    }
}

/// Whether the environment wants no proxy at all; the matcher takes that for all names, and not for addresses.
fn is_without() -> bool {
    let lists =
        ["NO_PROXY", "no_proxy"].map(|variable| std::env::var(variable).unwrap_or_default());
    lists
        .iter()
        .any(|list| list.split(',').any(|host| host.trim() == "*"))
}

fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let address = host.parse::<IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

fn tcp() -> HttpConnector {
    let mut tcp = HttpConnector::new();
    tcp.set_nodelay(true);
    tcp
}

/// Names the proxy, without its credentials.
fn not_through(proxy: &Intercept, host: &str, port: u16, source: BoxError) -> Error {
    let proxy = proxy.uri();
    let name = proxy.host().unwrap_or_default();
    let at = proxy.port().map(|at| format!(":{at}")).unwrap_or_default();
    let kind = Kind::ConnectBy {
        what: format!("the proxy {name}{at} gave no way to {host}:{port}"),
        source,
    };
    kind.into()
}

async fn tunnel(proxy: &Intercept, server: Uri) -> Result<TokioIo<TcpStream>, BoxError> {
    let scheme = proxy.uri().scheme_str().unwrap_or_default();
    if scheme != "http" {
        return Err(format!("it is one of {scheme}, and only those of http are known").into());
    }
    let mut tunnel = Tunnel::new(proxy.uri().clone(), tcp());
    if let Some(auth) = proxy.basic_auth() {
        tunnel = tunnel.with_auth(auth.clone());
    }
    call(&mut tunnel, server).await
}

async fn call<S>(service: &mut S, uri: Uri) -> Result<S::Response, BoxError>
where
    S: Service<Uri, Error: Into<BoxError>>,
{
    poll_fn(|cx| service.poll_ready(cx))
        .await
        .map_err(Into::into)?;
    service.call(uri).await.map_err(Into::into)
}

impl Service<Uri> for Dialler {
    type Response = TokioIo<Dialled>;
    type Error = BoxError;
    type Future = BoxFuture<Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let this = self.clone();
        Box::pin(async move { this.dial(&uri, Purpose::Requests).await.map(TokioIo::new) })
    }
}

impl Connection for Dialled {
    fn connected(&self) -> Connected {
        match self.is_http2 {
            true => Connected::new().negotiated_h2(),
            false => Connected::new(),
        }
    }
}

impl AsyncRead for Dialled {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Dialled {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write(cx, bytes);
        self.count(written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write_vectored(cx, slices);
        self.count(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dialler(proxies: Proxies) -> Dialler {
        let mut options = HttpOptions::new("http://h/".to_owned());
        options.proxies = proxies;
        Dialler::new(&mut options)
    }

    fn through(dialler: &Dialler, url: &str) -> Option<String> {
        let uri: Uri = url.parse().expect("an address");
        let proxy = dialler.proxy(&uri, uri.host().expect("a host"))?;
        Some(proxy.uri().to_string())
    }

    #[test]
    fn the_own_machine_is_reached_directly_unless_a_proxy_is_named() {
        let matcher = || {
            Matcher::builder()
                .all("http://p:1")
                .no("direct.test")
                .build()
        };
        let of_environment = Dialler(Arc::new(Settings {
            matcher: Some(matcher()),
            for_loopback: false,
            #[cfg(feature = "rustls")]
            tls: None,
        }));
        let named = dialler(Proxies::One(Box::new(matcher())));
        let none = dialler(Proxies::None);
        for local in [
            "http://localhost:1/",
            "https://127.0.0.1/",
            "http://[::1]:5/",
        ] {
            assert_eq!(through(&of_environment, local), None);
            assert_eq!(through(&named, local).as_deref(), Some("http://p:1/"));
        }
        for (url, proxy) in [
            ("http://example.test/", Some("http://p:1/")),
            ("https://example.test/", Some("http://p:1/")),
            ("http://direct.test/", None),
            ("http://www.direct.test/", None),
        ] {
            assert_eq!(through(&of_environment, url).as_deref(), proxy);
            assert_eq!(through(&none, url), None);
        }
    }
}
