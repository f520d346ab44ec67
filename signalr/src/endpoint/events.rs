//! Opens Server-Sent Events (transports reference, section 6).

use std::sync::Arc;

use http::{
    HeaderName, HeaderValue, StatusCode,
    header::{ACCEPT, CACHE_CONTROL, CONTENT_ENCODING, PRAGMA},
    request::Parts,
};

use super::{
    front::{Attached, Endpoint},
    request::Opening,
    response::{HttpResponse, pieces, text},
    routes::{check, refuse},
    via::Via,
};
use crate::{connection::HttpTransportType, transport::sse::ServerSentEvents};

/// Whether the `Accept` list has an element equal to `text/event-stream`, without parameters.
pub(super) fn are_wanted(parts: &Parts) -> bool {
    let lists = parts.headers.get_all(ACCEPT).iter();
    let mut elements = lists
        .filter_map(|list| list.to_str().ok())
        .flat_map(|list| list.split(','));
    elements.any(|element| element.trim().eq_ignore_ascii_case("text/event-stream"))
}

/// Starts the connection; its response goes on for as long as it lives.
pub(super) fn open<E: Endpoint>(endpoint: &Arc<E>, parts: Parts) -> HttpResponse {
    let token = match check(&**endpoint, &parts, HttpTransportType::ServerSentEvents) {
        Ok((token, None)) => token,
        Ok((_, Some(connection))) => return text(second(connection.via()), ""),
        Err(response) => return *response,
    };
    let request = Opening::new(parts);
    let attached = endpoint.attach(&token, request, |inlet, _| {
        let (transport, outlet, body) = ServerSentEvents::new(Arc::clone(&inlet));
        let via = Via::ServerSentEvents { inlet, outlet };
        Some((via, (transport, body)))
    });
    let (opened, (transport, body)) = match attached {
        Ok(attached) => attached,
        Err(refused) => return refuse(refused),
    };
    tokio::spawn(E::run(opened, transport));
    let mut response = pieces("text/event-stream", body);
    let headers = response.headers_mut();
    for (name, value) in [
        (CACHE_CONTROL, "no-cache,no-store"),
        (PRAGMA, "no-cache"),
        // Keeps middleware from compressing, which would hold events back.
        (CONTENT_ENCODING, "identity"),
        // The same for nginx, which buffers otherwise.
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// A second response for a connection: the first one goes on, unless its connection is ending anyway.
fn second(via: &Via) -> StatusCode {
    match via {
        Via::ServerSentEvents { outlet, .. } if outlet.is_left() => StatusCode::NOT_FOUND,
        _ => StatusCode::CONFLICT,
    }
}
