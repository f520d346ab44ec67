//! From an HTTP request to a WebSocket.

use std::sync::Arc;

use http::{
    Method, StatusCode, Version,
    header::{
        CONNECTION, HeaderMap, HeaderName, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY,
        SEC_WEBSOCKET_VERSION, UPGRADE,
    },
    request::Parts,
};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::{
    connection::Connection,
    hub_server::Shared,
    response::{HubResponse, empty, text},
    session,
};
use crate::{hub::Hub, transport::ws::server::WebSocket};

/// Whether a request asks for a WebSocket.
pub(super) fn is_wanted(parts: &Parts) -> bool {
    #[cfg(feature = "http2")]
    if super::extended_connect::is_wanted(parts) {
        return true;
    }
    parts.method == Method::GET
        && parts.version == Version::HTTP_11
        && has_token(&parts.headers, &CONNECTION, "upgrade")
        && has_token(&parts.headers, &UPGRADE, "websocket")
}

/// Only one version of the protocol has ever been used.
///
/// # Errors
/// The response that refuses any other.
pub(super) fn check_version(parts: &Parts) -> Result<(), Box<HubResponse>> {
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
    Ok(())
}

/// The response that accepts, without subprotocol and extensions.
///
/// # Errors
/// The response that refuses: the request is no valid opening handshake (RFC 6455, section 4.2).
pub(super) fn accept(parts: &Parts) -> Result<HubResponse, Box<HubResponse>> {
    #[cfg(feature = "http2")]
    if super::extended_connect::is_wanted(parts) {
        return super::extended_connect::accept(parts);
    }
    check_version(parts)?;
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

/// Runs the connection in a task of its own, as soon as the response is out.
pub(super) fn spawn<H: Hub>(
    shared: &Arc<Shared<H>>,
    token: Box<str>,
    connection: Arc<Connection>,
    on_upgrade: OnUpgrade,
) {
    let shared = Arc::clone(shared);
    tokio::spawn(async move {
        match on_upgrade.await {
            Ok(upgraded) => run(shared, token, connection, upgraded).await,
            Err(error) => {
                tracing::debug!(%error, "the client went away during the upgrade");
                shared.core.forget(&token, &connection);
            }
        }
    });
}

async fn run<H: Hub>(
    shared: Arc<Shared<H>>,
    token: Box<str>,
    connection: Arc<Connection>,
    upgraded: Upgraded,
) {
    // With the socket itself in hand, hyper's state and its read buffer are gone for good.
    #[cfg(feature = "standalone")]
    let upgraded = match upgraded.downcast::<TokioIo<super::socket::Socket>>() {
        Ok(parts) => {
            let hyper::upgrade::Parts { io, read_buf, .. } = parts;
            let leftover = bytes::Bytes::copy_from_slice(&read_buf);
            drop(read_buf);
            let socket = WebSocket::new(io.into_inner().settled(), leftover);
            return session::run(shared, token, connection, socket).await;
        }
        Err(upgraded) => upgraded,
    };
    let socket = WebSocket::new(TokioIo::new(upgraded), bytes::Bytes::new());
    session::run(shared, token, connection, socket).await;
}

/// Whether a comma-separated header names something, letter case aside.
fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    let lists = headers.get_all(name).iter();
    let mut elements = lists
        .filter_map(|list| list.to_str().ok())
        .flat_map(|list| list.split(','));
    elements.any(|element| element.trim().eq_ignore_ascii_case(token))
}
