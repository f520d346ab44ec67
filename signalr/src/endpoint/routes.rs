//! The two paths of an endpoint (transports reference, sections 2, 4 and 9).

use std::sync::Arc;

use http::{Method, Request, StatusCode, header::SEC_WEBSOCKET_EXTENSIONS, request::Parts};
use http_body::Body;
use hyper::upgrade::OnUpgrade;

use super::{
    cors::Cors,
    events,
    front::{Attached, Endpoint},
    polls::{self, renew},
    request::Opening,
    response::{HttpResponse, ResponseFuture, json, text},
    send,
    sessions::{Known, Refused},
    token, upgrade,
    via::Via,
};
use crate::{
    connection::{HttpTransportType, opening},
    transport::negotiate::{self, Accepted, Offer},
};

const SHUTS_DOWN: &str = "The server shuts down.";

/// What a path is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    Connection,
    Negotiate,
}

impl Route {
    /// What a request's path is for at an endpoint whose own path is `own`, without slashes at its ends; letter case and slashes at the
    /// ends do not matter.
    pub(crate) fn find(own: &str, path: &str) -> Option<Self> {
        let path = path.trim_matches('/');
        let (parent, last) = path.rsplit_once('/').unwrap_or(("", path));
        if path.eq_ignore_ascii_case(own) {
            Some(Self::Connection)
        } else if last.eq_ignore_ascii_case("negotiate") && parent.eq_ignore_ascii_case(own) {
            Some(Self::Negotiate)
        } else {
            None
        }
    }
}

/// Answers a request to a service that has its path to itself.
pub(crate) fn serve<E: Endpoint, B>(endpoint: &Arc<E>, request: Request<B>) -> ResponseFuture
where
    B: Body + Send + 'static,
{
    match Route::find("", request.uri().path()) {
        Some(route) => respond(endpoint, route, request),
        None => text(StatusCode::NOT_FOUND, "").into(),
    }
}

/// Answers a request at one of the two paths, if it comes from a page that may use the endpoint, or from none.
pub(crate) fn respond<E: Endpoint, B>(
    endpoint: &Arc<E>,
    route: Route,
    request: Request<B>,
) -> ResponseFuture
where
    B: Body + Send + 'static,
{
    let (mut parts, body) = request.into_parts();
    let cors = match Cors::check(endpoint.options(), &parts) {
        Ok(cors) => cors,
        Err(response) => return (*response).into(),
    };
    // A browser asks without credentials whether it may send some.
    if let Some(response) = cors.preflight(&parts) {
        return ResponseFuture::from(response).with(cors);
    }
    let authorized = match &endpoint.options().authorize {
        Some(authorize) => authorize.check(&mut parts),
        None => Ok(()),
    };
    let response = match authorized {
        Ok(()) => answer(endpoint, route, parts, body),
        Err(response) => (*response).into(),
    };
    response.with(cors)
}

fn answer<E: Endpoint, B>(
    endpoint: &Arc<E>,
    route: Route,
    mut parts: Parts,
    body: B,
) -> ResponseFuture
where
    B: Body + Send + 'static,
{
    if route == Route::Negotiate {
        return negotiate(&**endpoint, &parts).into();
    }
    let on_upgrade = parts.extensions.remove::<OnUpgrade>();
    match parts.method {
        Method::GET if events::are_wanted(&parts) => events::open(endpoint, parts).into(),
        Method::GET | Method::CONNECT if upgrade::is_wanted(&parts) => {
            open(endpoint, parts, on_upgrade).into()
        }
        Method::GET => polls::poll(endpoint, parts),
        Method::POST => send::send(&**endpoint, &parts, body),
        Method::DELETE => polls::delete(&**endpoint, &parts).into(),
        _ => text(StatusCode::METHOD_NOT_ALLOWED, "").into(),
    }
}

fn negotiate<E: Endpoint>(endpoint: &E, parts: &Parts) -> HttpResponse {
    if parts.method != Method::POST {
        return text(StatusCode::METHOD_NOT_ALLOWED, "");
    }
    let options = endpoint.options();
    let requested = opening::query(parts, "negotiateVersion");
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
    let front = endpoint.front();
    front.keep_beating();
    let (sessions, now) = (&front.sessions, front.now());
    // Whoever knows the token takes the connection over: it must be a secret.
    let use_stateful_reconnect = version > 0
        && options.stateful_reconnect
        && options.transports.contains(&HttpTransportType::WebSockets)
        && opening::query(parts, "useStatefulReconnect")
            .is_some_and(|asked| asked.trim().eq_ignore_ascii_case("true"));
    let id_of = id.as_str().into();
    let negotiated = sessions.negotiate(&secret, id_of, use_stateful_reconnect, now, options);
    if let Err(refused) = negotiated {
        return refuse(refused);
    }
    let offers = front.offers.get_or_init(|| {
        let offers: Vec<_> = options.offers().map(offer).collect();
        negotiate::offers(&offers)
    });
    json(&Accepted {
        use_stateful_reconnect,
        negotiate_version: version,
        connection_id: &id,
        connection_token: (version > 0).then_some(&secret),
        available_transports: offers,
    })
}

fn offer(transport: HttpTransportType) -> Offer {
    let binary = transport != HttpTransportType::ServerSentEvents;
    Offer::new(transport.name(), binary)
}

/// Opens a WebSocket: for a negotiated token, or on the spot without one.
fn open<E: Endpoint>(
    endpoint: &Arc<E>,
    parts: Parts,
    on_upgrade: Option<OnUpgrade>,
) -> HttpResponse {
    let mut renewed = None;
    let wanted = match token_of(&parts) {
        None => match check_offer(&**endpoint, HttpTransportType::WebSockets) {
            Ok(()) => None,
            Err(response) => return *response,
        },
        Some(_) => match check(&**endpoint, &parts, HttpTransportType::WebSockets) {
            Ok((token, None)) => Some(token),
            Ok((token, Some(connection))) => {
                let links = connection.via().links();
                if !links.is_some_and(|links| links.are_wanted()) {
                    return text(StatusCode::CONFLICT, "");
                }
                renewed = Some(connection);
                Some(token)
            }
            Err(response) => return *response,
        },
    };
    let accept = match upgrade::accept(&parts, endpoint.options()) {
        Ok(accept) => accept,
        Err(response) => return *response,
    };
    let Some(on_upgrade) = on_upgrade else {
        return text(
            StatusCode::INTERNAL_SERVER_ERROR,
            "This server cannot switch to WebSockets: serve HTTP connections with upgrades enabled.",
        );
    };
    let compressed = accept.headers().contains_key(SEC_WEBSOCKET_EXTENSIONS);
    if let Some(connection) = renewed {
        renew(&*connection, &parts, endpoint.front().now());
        if let Some(links) = connection.via().links() {
            upgrade::spawn_link(Arc::clone(links), on_upgrade, compressed);
        }
        return accept;
    }
    let request = Opening::new(parts);
    let opened = match wanted {
        Some(token) => {
            let attached = endpoint.attach(&token, request, |inlet, stateful| {
                let links = stateful.then(Arc::default);
                // Whoever has posted something has chosen another transport; nothing of it may be lost.
                let unused = inlet.end_unused();
                unused.then_some((Via::WebSockets { links }, ()))
            });
            match attached {
                Ok((opened, ())) => opened,
                Err(refused) => return refuse(refused),
            }
        }
        None => match endpoint.open(token::generate(), request, Via::WebSockets { links: None }) {
            Some(opened) => opened,
            None => return refuse(Refused::Closing),
        },
    };
    upgrade::spawn(opened, on_upgrade, compressed);
    accept
}

/// A token, and the connection if it is open already.
type Checked<E> = (String, Option<Arc<<E as Endpoint>::Connection>>);

/// The checks that all transports share, in the order of section 4: the token, and the connection if it is open already.
///
/// # Errors
/// The response that refuses.
pub(super) fn check<E: Endpoint>(
    endpoint: &E,
    parts: &Parts,
    transport: HttpTransportType,
) -> Result<Checked<E>, Box<HttpResponse>> {
    let token = token_of(parts).ok_or_else(|| Box::new(refuse_id(None)))?;
    let known = endpoint.front().sessions.look_up(&token);
    if let Known::No = known {
        return Err(Box::new(refuse_id(Some(&token))));
    }
    check_offer(endpoint, transport)?;
    match known {
        Known::Open(connection) if connection.via().transport() == Some(transport) => {
            Ok((token, Some(connection)))
        }
        Known::Open(_) => Err(Box::new(refuse(Refused::Changed))),
        Known::No | Known::Negotiated(_) => Ok((token, None)),
    }
}

fn check_offer<E: Endpoint>(
    endpoint: &E,
    transport: HttpTransportType,
) -> Result<(), Box<HttpResponse>> {
    if endpoint.options().transports.contains(&transport) {
        return Ok(());
    }
    let reason = format!("{transport} transport not supported by this end point type");
    Err(Box::new(text(StatusCode::NOT_FOUND, reason)))
}

/// A request without the token of a connection, or with one that nobody knows.
pub(super) fn refuse_id(token: Option<&str>) -> HttpResponse {
    match token {
        None => text(StatusCode::BAD_REQUEST, "Connection ID required"),
        Some(_) => text(StatusCode::NOT_FOUND, "No Connection with that ID"),
    }
}

pub(super) fn refuse(refused: Refused) -> HttpResponse {
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
    opening::query(parts, "id").filter(|id| !id.is_empty())
}
