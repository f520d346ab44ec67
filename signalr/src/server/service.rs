//! The two HTTP endpoints of a hub (transports reference, sections 2, 4 and 9).

use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header, request::Parts};
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use hyper::upgrade::OnUpgrade;

use super::{
    hub_server::Shared,
    query, request,
    sessions::{Known, Refused},
    token, upgrade,
};
use crate::{
    hub::Hub,
    transport::negotiate::{self, Accepted, WEB_SOCKETS},
};

const ID_REQUIRED: &str = "Connection ID required";
const SHUTS_DOWN: &str = "The server shuts down.";
const NO_SUCH_ID: &str = "No Connection with that ID";

/// The body of our responses.
#[derive(Debug)]
pub struct ResponseBody(Full<Bytes>);

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Pin::new(&mut self.0).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}

pub(super) type HubResponse = Response<ResponseBody>;

/// Answers a request at the hub's path or below.
pub(super) fn respond<H: Hub, B>(shared: &Arc<Shared<H>>, request: Request<B>) -> HubResponse {
    let (mut parts, _) = request.into_parts();
    let path = parts.uri.path().trim_end_matches('/');
    if path
        .rsplit('/')
        .next()
        .is_some_and(|last| last.eq_ignore_ascii_case("negotiate"))
    {
        return negotiate(shared, &parts);
    }
    let on_upgrade = parts.extensions.remove::<OnUpgrade>();
    match parts.method {
        Method::GET if upgrade::is_wanted(&parts) && !accepts_events(&parts) => {
            open(shared, parts, on_upgrade)
        }
        Method::GET => not_offered(shared, &parts),
        Method::POST => refuse_by_token(
            shared,
            &parts,
            StatusCode::METHOD_NOT_ALLOWED,
            "POST requests are not allowed for WebSocket connections.",
        ),
        Method::DELETE => refuse_by_token(
            shared,
            &parts,
            StatusCode::BAD_REQUEST,
            "Cannot terminate this connection using the DELETE endpoint.",
        ),
        _ => text(StatusCode::METHOD_NOT_ALLOWED, ""),
    }
}

fn negotiate<H: Hub>(shared: &Shared<H>, parts: &Parts) -> HubResponse {
    if parts.method != Method::POST {
        return text(StatusCode::METHOD_NOT_ALLOWED, "");
    }
    let requested = query::find(parts.uri.query(), "negotiateVersion");
    let minimum = shared.core.options.min_negotiate_version;
    let version = match negotiate::version(requested.as_deref(), minimum) {
        Ok(version) => version,
        Err(error) => return json(&negotiate::Refused { error }),
    };
    let id = token::generate();
    let secret = if version == 0 {
        id.clone()
    } else {
        token::generate()
    };
    shared.core.keep_beating();
    let limit = shared.core.options.max_negotiations;
    let now = shared.core.now();
    let negotiated = shared
        .core
        .sessions
        .negotiate(&secret, id.as_str().into(), now, limit);
    match negotiated {
        Ok(()) => json(&Accepted {
            negotiate_version: version,
            connection_id: &id,
            connection_token: (version > 0).then_some(&secret),
            available_transports: &[WEB_SOCKETS],
        }),
        Err(Refused::Full) => {
            let reason = format!(
                "`max_negotiations` ({limit}) connections wait to be opened; try again later."
            );
            text(StatusCode::TOO_MANY_REQUESTS, reason)
        }
        Err(Refused::Closing) => text(StatusCode::SERVICE_UNAVAILABLE, SHUTS_DOWN),
    }
}

/// Opens a WebSocket: for a negotiated token, or on the spot without one.
fn open<H: Hub>(
    shared: &Arc<Shared<H>>,
    mut parts: Parts,
    on_upgrade: Option<OnUpgrade>,
) -> HubResponse {
    let wanted = token_of(&parts);
    if let Some(wanted) = &wanted {
        match shared.core.sessions.look_up(wanted) {
            Known::No => return text(StatusCode::NOT_FOUND, NO_SUCH_ID),
            Known::Open => return text(StatusCode::CONFLICT, ""),
            Known::Negotiated => {}
        }
    }
    let accept = match upgrade::accept(&parts) {
        Ok(accept) => accept,
        Err(response) => return *response,
    };
    let Some(on_upgrade) = on_upgrade else {
        return text(
            StatusCode::INTERNAL_SERVER_ERROR,
            "This server cannot switch to WebSockets: serve HTTP connections with upgrades enabled.",
        );
    };
    let (token, id) = match wanted {
        // Only one request gets the token; another that came at the same time is too late.
        Some(token) => match shared.core.sessions.claim(&token) {
            Some(id) => (token, id),
            None => return text(StatusCode::CONFLICT, ""),
        },
        None => {
            let id = token::generate();
            let public = id.as_str().into();
            (id, public)
        }
    };
    request::detach(&mut parts);
    let Some(connection) = shared.open(&token, id, parts) else {
        return text(StatusCode::SERVICE_UNAVAILABLE, SHUTS_DOWN);
    };
    upgrade::spawn(shared, token.into(), connection, on_upgrade);
    accept
}

/// A GET for a transport that this server does not offer.
fn not_offered<H: Hub>(shared: &Shared<H>, parts: &Parts) -> HubResponse {
    let name = if accepts_events(parts) {
        "ServerSentEvents"
    } else {
        "LongPolling"
    };
    let reason = format!("{name} transport not supported by this end point type");
    refuse_by_token(shared, parts, StatusCode::NOT_FOUND, reason)
}

/// Refuses a request that is about a connection: the token is looked at first.
fn refuse_by_token<H: Hub>(
    shared: &Shared<H>,
    parts: &Parts,
    status: StatusCode,
    reason: impl Into<Bytes>,
) -> HubResponse {
    let Some(token) = token_of(parts) else {
        return text(StatusCode::BAD_REQUEST, ID_REQUIRED);
    };
    match shared.core.sessions.look_up(&token) {
        Known::No => text(StatusCode::NOT_FOUND, NO_SUCH_ID),
        Known::Negotiated | Known::Open => text(status, reason),
    }
}

fn token_of(parts: &Parts) -> Option<String> {
    query::find(parts.uri.query(), "id").filter(|id| !id.is_empty())
}

/// Whether the `Accept` list has an element equal to `text/event-stream`, without parameters.
fn accepts_events(parts: &Parts) -> bool {
    let lists = parts.headers.get_all(header::ACCEPT).iter();
    let mut elements = lists
        .filter_map(|list| list.to_str().ok())
        .flat_map(|list| list.split(','));
    elements.any(|element| element.trim().eq_ignore_ascii_case("text/event-stream"))
}

fn json(value: &impl serde::Serialize) -> HubResponse {
    let body = serde_json::to_vec(value).expect("plain strings and numbers can be written");
    respond_with(StatusCode::OK, "application/json", body)
}

pub(super) fn text(status: StatusCode, body: impl Into<Bytes>) -> HubResponse {
    respond_with(status, "text/plain", body)
}

fn respond_with(
    status: StatusCode,
    content_type: &'static str,
    body: impl Into<Bytes>,
) -> HubResponse {
    let mut response = empty(status);
    *response.body_mut() = ResponseBody(Full::new(body.into()));
    let content_type = header::HeaderValue::from_static(content_type);
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, content_type);
    response
}

pub(super) fn empty(status: StatusCode) -> HubResponse {
    let mut response = Response::new(ResponseBody(Full::default()));
    *response.status_mut() = status;
    response
}
