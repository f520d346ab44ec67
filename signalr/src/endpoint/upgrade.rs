//! From an HTTP request to a WebSocket.

use std::sync::Arc;

use futures_util::{FutureExt, future::Either};
use http::{
    Method, StatusCode, Version,
    header::{
        CONNECTION, HeaderMap, HeaderName, HeaderValue, SEC_WEBSOCKET_ACCEPT,
        SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE,
    },
    request::Parts,
};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::{
    front::{Attached, Endpoint, Opened},
    options::HttpOptions,
    response::{HttpResponse, empty, text},
};
use crate::transport::{Transport, links::Links, relinked::Relinked, ws::server::WebSocket};

/// Whether a request asks for a WebSocket.
pub(super) fn is_wanted(parts: &Parts) -> bool {
    #[cfg(feature = "http2")]
    if is_extended_connect(parts) {
        return true;
    }
    parts.method == Method::GET
        && parts.version == Version::HTTP_11
        && has_token(&parts.headers, &CONNECTION, "upgrade")
        && has_token(&parts.headers, &UPGRADE, "websocket")
}

/// Over HTTP/2 a stream is opened for it instead of an upgrade (RFC 8441).
#[cfg(feature = "http2")]
fn is_extended_connect(parts: &Parts) -> bool {
    let protocol = parts.extensions.get::<hyper::ext::Protocol>();
    parts.method == Method::CONNECT
        && protocol.is_some_and(|protocol| protocol.as_str().eq_ignore_ascii_case("websocket"))
}

/// The response that accepts, without subprotocol.
///
/// # Errors
/// The response that refuses: the request is no valid opening handshake (RFC 6455, section 4.2).
pub(super) fn accept(
    parts: &Parts,
    options: &HttpOptions,
) -> Result<HttpResponse, Box<HttpResponse>> {
    let version = parts.headers.get(SEC_WEBSOCKET_VERSION);
    if version.is_none_or(|version| version != "13") {
        let mut response = text(
            StatusCode::UPGRADE_REQUIRED,
            "Only version 13 of the WebSocket protocol is supported.",
        );
        let supported = HeaderValue::from_static("13");
        response
            .headers_mut()
            .insert(SEC_WEBSOCKET_VERSION, supported);
        return Err(Box::new(response));
    }
    let mut response = match parts.method {
        // The stream is one of its own already, so there is no key to answer.
        Method::CONNECT => empty(StatusCode::OK),
        _ => switch(parts)?,
    };
    if let Some(extensions) = extensions(parts, options) {
        let extensions = HeaderValue::from_static(extensions);
        response
            .headers_mut()
            .insert(SEC_WEBSOCKET_EXTENSIONS, extensions);
    }
    Ok(response)
}

/// Accepts an upgrade of HTTP/1.1.
fn switch(parts: &Parts) -> Result<HttpResponse, Box<HttpResponse>> {
    let Some(key) = parts.headers.get(SEC_WEBSOCKET_KEY) else {
        let reason = "The Sec-WebSocket-Key header is missing.";
        return Err(Box::new(text(StatusCode::BAD_REQUEST, reason)));
    };
    let key = HeaderValue::try_from(derive_accept_key(key.as_bytes()));
    let mut response = empty(StatusCode::SWITCHING_PROTOCOLS);
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_ACCEPT, key.expect("base64 fits a header"));
    Ok(response)
}

/// What is answered to the extensions that a request offers.
#[cfg(feature = "deflate")]
fn extensions(parts: &Parts, options: &HttpOptions) -> Option<&'static str> {
    let lists = parts.headers.get_all(SEC_WEBSOCKET_EXTENSIONS).iter();
    let lists = lists.filter_map(|list| list.to_str().ok());
    options
        .compression
        .then(|| crate::transport::ws::extensions::accept(lists))?
}

#[cfg(not(feature = "deflate"))]
fn extensions(_: &Parts, _: &HttpOptions) -> Option<&'static str> {
    None
}

/// The socket, with what its request and our answer agreed on.
fn socket<S>(socket: WebSocket<S>, compressed: bool) -> WebSocket<S>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    #[cfg(feature = "deflate")]
    if compressed {
        return socket.compressed();
    }
    let _ = compressed;
    socket
}

/// Runs the connection in a task of its own, as soon as the response is out.
pub(super) fn spawn<E: Endpoint>(opened: Opened<E>, on_upgrade: OnUpgrade, compressed: bool) {
    // Chained, as a block with two waits would keep what the first has used beside the second.
    tokio::spawn(on_upgrade.then(move |upgraded| match upgraded {
        Ok(upgraded) => Either::Left(match opened.connection.via().links() {
            None => Either::Left(run(opened, upgraded, compressed)),
            Some(links) => {
                let links = Arc::clone(links);
                Either::Right(run_relinked(opened, links, upgraded, compressed))
            }
        }),
        Err(error) => {
            tracing::debug!(%error, "the client went away during the upgrade");
            Either::Right(std::future::ready(()))
        }
    }));
}

/// Hands the socket over to a connection that has one already, or has lost it.
pub(super) fn spawn_link(links: Arc<Links>, on_upgrade: OnUpgrade, compressed: bool) {
    tokio::spawn(on_upgrade.map(move |upgraded| match upgraded {
        Ok(upgraded) => links.offer(boxed(upgraded, compressed)),
        Err(error) => tracing::debug!(%error, "the client went away during the upgrade"),
    }));
}

/// The socket that hyper gives, of whatever host.
fn boxed(upgraded: Upgraded, compressed: bool) -> Box<dyn Transport> {
    #[cfg(feature = "standalone")]
    let upgraded = match upgraded.downcast::<TokioIo<super::socket::Socket>>() {
        Ok(parts) => {
            let hyper::upgrade::Parts { io, read_buf, .. } = parts;
            let leftover = bytes::Bytes::copy_from_slice(&read_buf);
            let io = io.into_inner().settled();
            return Box::new(socket(WebSocket::new(io, leftover), compressed));
        }
        Err(upgraded) => upgraded,
    };
    let io = TokioIo::new(upgraded);
    let unread = bytes::Bytes::new();
    Box::new(socket(WebSocket::new(io, unread), compressed))
}

/// Runs a connection that may have one socket after another.
fn run_relinked<E: Endpoint>(
    opened: Opened<E>,
    links: Arc<Links>,
    upgraded: Upgraded,
    compressed: bool,
) -> impl Future<Output = ()> + Send {
    E::run(opened, Relinked::new(boxed(upgraded, compressed), links))
}

/// No `async fn`, whose future would keep a place for what it was called with.
#[cfg(feature = "standalone")]
fn run<E: Endpoint>(
    opened: Opened<E>,
    upgraded: Upgraded,
    compressed: bool,
) -> impl Future<Output = ()> + Send {
    // With the socket itself in hand, hyper's state and its read buffer are gone for good.
    match upgraded.downcast::<TokioIo<super::socket::Socket>>() {
        Ok(parts) => {
            let hyper::upgrade::Parts { io, read_buf, .. } = parts;
            let leftover = bytes::Bytes::copy_from_slice(&read_buf);
            let io = io.into_inner().settled();
            let direct = io.direct();
            let socket = socket(WebSocket::new(io, leftover).with_direct(direct), compressed);
            Either::Left(E::run(opened, socket))
        }
        Err(upgraded) => Either::Right(run_within(opened, upgraded, compressed)),
    }
}

#[cfg(not(feature = "standalone"))]
use run_within as run;

/// Runs in what hyper gives: another host's socket.
fn run_within<E: Endpoint>(
    opened: Opened<E>,
    upgraded: Upgraded,
    compressed: bool,
) -> impl Future<Output = ()> + Send {
    let socket = WebSocket::new(TokioIo::new(upgraded), bytes::Bytes::new());
    let socket = self::socket(socket, compressed);
    E::run(opened, socket)
}

/// Whether a comma-separated header names something, letter case aside.
fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    let lists = headers.get_all(name).iter();
    let mut elements = lists
        .filter_map(|list| list.to_str().ok())
        .flat_map(|list| list.split(','));
    elements.any(|element| element.trim().eq_ignore_ascii_case(token))
}
