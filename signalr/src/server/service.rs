//! The two HTTP endpoints of a hub (transports reference, sections 2, 4 and 9).

use std::sync::Arc;

use http::{Method, Request, StatusCode, request::Parts};
use http_body::Body;
use hyper::upgrade::OnUpgrade;

use super::{
    connection::Connection,
    cors::Cors,
    http_events, http_polls, http_send,
    hub_server::Shared,
    request,
    response::{HubResponse, ResponseFuture, json, text},
    sessions::{Known, Refused},
    token, upgrade,
    via::Via,
};
use crate::{
    hub::{HttpTransportType, Hub, query},
    transport::negotiate::{self, Accepted, Offer},
};

const SHUTS_DOWN: &str = "The server shuts down.";

/// What a path is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Endpoint {
    Hub,
    Negotiate,
}

impl Endpoint {
    /// What a request's path is for at a hub whose own path is `hub`, without slashes at its ends; letter case and slashes at the
    /// ends do not matter.
    pub(super) fn find(hub: &str, path: &str) -> Option<Self> {
        let path = path.trim_matches('/');
        let (parent, last) = path.rsplit_once('/').unwrap_or(("", path));
        if path.eq_ignore_ascii_case(hub) {
            Some(Self::Hub)
        } else if last.eq_ignore_ascii_case("negotiate") && parent.eq_ignore_ascii_case(hub) {
            Some(Self::Negotiate)
        } else {
            None
        }
    }
}

/// Answers a request at one of the hub's two endpoints, if it comes from a page that may use the hub, or from none.
pub(super) fn respond<H: Hub, B>(
    shared: &Arc<Shared<H>>,
    endpoint: Endpoint,
    request: Request<B>,
) -> ResponseFuture
where
    B: Body + Send + 'static,
{
    let (parts, body) = request.into_parts();
    let cors = match Cors::check(&shared.core.options, &parts) {
        Ok(cors) => cors,
        Err(response) => return (*response).into(),
    };
    let response = match cors.preflight(&parts) {
        Some(response) => response.into(),
        None => route(shared, endpoint, parts, body),
    };
    response.with(cors)
}

fn route<H: Hub, B>(
    shared: &Arc<Shared<H>>,
    endpoint: Endpoint,
    mut parts: Parts,
    body: B,
) -> ResponseFuture
where
    B: Body + Send + 'static,
{
    if endpoint == Endpoint::Negotiate {
        return negotiate(shared, &parts).into();
    }
    let on_upgrade = parts.extensions.remove::<OnUpgrade>();
    match parts.method {
        Method::GET if http_events::are_wanted(&parts) => http_events::open(shared, parts).into(),
        Method::GET | Method::CONNECT if upgrade::is_wanted(&parts) => {
            open(shared, parts, on_upgrade).into()
        }
        Method::GET => http_polls::poll(shared, parts),
        Method::POST => http_send::send(shared, &parts, body),
        Method::DELETE => http_polls::delete(shared, &parts).into(),
        _ => text(StatusCode::METHOD_NOT_ALLOWED, "").into(),
    }
}

fn negotiate<H: Hub>(shared: &Shared<H>, parts: &Parts) -> HubResponse {
    if parts.method != Method::POST {
        return text(StatusCode::METHOD_NOT_ALLOWED, "");
    }
    let options = &shared.core.options;
    let requested = query::find(parts.uri.query(), "negotiateVersion");
    let version = match negotiate::version(requested.as_deref(), options.min_negotiate_version) {
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
    let now = shared.core.now();
    let negotiated = shared
        .core
        .sessions
        .negotiate(&secret, id.as_str().into(), now, options);
    if let Err(refused) = negotiated {
        return refuse(refused);
    }
    let offers: Vec<_> = options.offers().map(offer).collect();
    json(&Accepted {
        negotiate_version: version,
        connection_id: &id,
        connection_token: (version > 0).then_some(&secret),
        available_transports: &offers,
    })
}

fn offer(transport: HttpTransportType) -> Offer {
    let binary = transport != HttpTransportType::ServerSentEvents;
    Offer::new(transport.name(), binary)
}

/// Opens a WebSocket: for a negotiated token, or on the spot without one.
fn open<H: Hub>(
    shared: &Arc<Shared<H>>,
    mut parts: Parts,
    on_upgrade: Option<OnUpgrade>,
) -> HubResponse {
    let wanted = match token_of(&parts) {
        None => match check_offer(shared, HttpTransportType::WebSockets) {
            Ok(()) => None,
            Err(response) => return *response,
        },
        Some(_) => match check(shared, &parts, HttpTransportType::WebSockets) {
            Ok((token, None)) => Some(token),
            Ok((_, Some(_))) => return text(StatusCode::CONFLICT, ""),
            Err(response) => return *response,
        },
    };
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
    request::detach(&mut parts);
    let (token, connection) = match wanted {
        Some(token) => {
            let attached = shared.attach(&token, parts, |inlet| {
                // Whoever has posted something has chosen another transport; nothing of it may be lost.
                inlet.end_unused().then_some((Via::WebSockets, ()))
            });
            match attached {
                Ok((connection, ())) => (token, connection),
                Err(refused) => return refuse(refused),
            }
        }
        None => {
            let token = token::generate();
            match shared.open(&token, parts, Via::WebSockets) {
                Some(connection) => (token, connection),
                None => return refuse(Refused::Closing),
            }
        }
    };
    upgrade::spawn(shared, token.into(), connection, on_upgrade);
    accept
}

/// The checks that all transports share, in the order of section 4: the token, and the connection if it is open already.
///
/// # Errors
/// The response that refuses.
pub(super) fn check<H: Hub>(
    shared: &Shared<H>,
    parts: &Parts,
    transport: HttpTransportType,
) -> Result<(String, Option<Arc<Connection>>), Box<HubResponse>> {
    let token = token_of(parts).ok_or_else(|| Box::new(refuse_id(None)))?;
    let known = shared.core.sessions.look_up(&token);
    if let Known::No = known {
        return Err(Box::new(refuse_id(Some(&token))));
    }
    check_offer(shared, transport)?;
    match known {
        Known::Open(connection) if connection.via.transport() == Some(transport) => {
            Ok((token, Some(connection)))
        }
        Known::Open(_) => Err(Box::new(refuse(Refused::Changed))),
        Known::No | Known::Negotiated(_) => Ok((token, None)),
    }
}

fn check_offer<H: Hub>(
    shared: &Shared<H>,
    transport: HttpTransportType,
) -> Result<(), Box<HubResponse>> {
    if shared.core.options.transports.contains(&transport) {
        return Ok(());
    }
    let reason = format!("{transport} transport not supported by this end point type");
    Err(Box::new(text(StatusCode::NOT_FOUND, reason)))
}

/// A request without the token of a connection, or with one that nobody knows.
pub(super) fn refuse_id(token: Option<&str>) -> HubResponse {
    match token {
        None => text(StatusCode::BAD_REQUEST, "Connection ID required"),
        Some(_) => text(StatusCode::NOT_FOUND, "No Connection with that ID"),
    }
}

pub(super) fn refuse(refused: Refused) -> HubResponse {
    match refused {
        Refused::Full { limit } => {
            let reason = format!(
                "`max_negotiations` ({limit}) connections wait to be opened; try again later."
            );
            text(StatusCode::TOO_MANY_REQUESTS, reason)
        }
        Refused::Closing => text(StatusCode::SERVICE_UNAVAILABLE, SHUTS_DOWN),
        // Only one request gets the token; another that came at the same time is too late.
        Refused::Taken => text(StatusCode::CONFLICT, ""),
        Refused::Changed => text(
            StatusCode::BAD_REQUEST,
            "Cannot change transports mid-connection",
        ),
    }
}

/// The connection's token; an empty one is none.
pub(super) fn token_of(parts: &Parts) -> Option<String> {
    query::find(parts.uri.query(), "id").filter(|id| !id.is_empty())
}
