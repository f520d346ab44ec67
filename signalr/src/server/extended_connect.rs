//! WebSockets over HTTP/2 (RFC 8441): an extended CONNECT instead of an upgrade.

use http::{Method, StatusCode, request::Parts};
use hyper::ext::Protocol;

use super::{
    response::{HubResponse, empty},
    upgrade,
};

/// Whether a request asks for a WebSocket over HTTP/2.
pub(super) fn is_wanted(parts: &Parts) -> bool {
    let protocol = parts.extensions.get::<Protocol>();
    parts.method == Method::CONNECT
        && protocol.is_some_and(|protocol| protocol.as_str().eq_ignore_ascii_case("websocket"))
}

/// The response that accepts: the stream is one of its own already, so there is no key to answer.
///
/// # Errors
/// The response that refuses: another version of the WebSocket protocol.
pub(super) fn accept(parts: &Parts) -> Result<HubResponse, Box<HubResponse>> {
    upgrade::check_version(parts)?;
    Ok(empty(StatusCode::OK))
}
