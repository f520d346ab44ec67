//! Long polling: the polls and the DELETE that ends them (transports reference, section 7).

use std::sync::Arc;

use bytes::Bytes;
use http::{
    HeaderValue, StatusCode,
    header::{CACHE_CONTROL, EXPIRES, PRAGMA},
    request::Parts,
};

use super::{
    front::{Attached, Endpoint},
    identity::Identity,
    request::Opening,
    response::{HttpResponse, ResponseFuture, pieces, respond_with, text},
    routes::{check, refuse, refuse_id, token_of},
    sessions::Known,
    via::Via,
};
use crate::{
    connection::HttpTransportType,
    transport::{
        long_polling::LongPolling,
        polls::{Answer, Polls},
    },
};

const BYTES: &str = "application/octet-stream";

/// Answers a poll: the first one at once, any other when there is something.
pub(super) fn poll<E: Endpoint>(endpoint: &Arc<E>, parts: Parts) -> ResponseFuture {
    match check(&**endpoint, &parts, HttpTransportType::LongPolling) {
        Ok((token, None)) => uncached(open(endpoint, &token, parts)).into(),
        Ok((_, Some(connection))) => match connection.via() {
            Via::LongPolling { polls, .. } => {
                renew(&*connection, &parts, endpoint.front().now());
                let polls = Arc::clone(polls);
                ResponseFuture::later(async { uncached(answer(polls.poll().await)) })
            }
            // Its transport was checked.
            _ => uncached(text(StatusCode::CONFLICT, "")).into(),
        },
        Err(response) => uncached(*response).into(),
    }
}

/// What the newest request says of its sender counts, except that the user's name stays the first one.
pub(super) fn renew(connection: &impl Attached, parts: &Parts, now: u64) {
    connection.expiry().renew(&parts.extensions, now);
    let user = |extensions| Identity::of(extensions).and_then(Identity::user_id);
    if user(connection.request().extensions()) != user(&parts.extensions) {
        tracing::warn!("the user of a connection has changed between two requests");
    }
}

/// The first poll starts the connection, and brings nothing: clients see that the way is free.
fn open<E: Endpoint>(endpoint: &Arc<E>, token: &str, parts: Parts) -> HttpResponse {
    let request = Opening::new(parts);
    let attached = endpoint.attach(token, request, |inlet, _| {
        let polls = Polls::new();
        let transport = LongPolling::new(Arc::clone(&inlet), Arc::clone(&polls));
        Some((Via::LongPolling { inlet, polls }, transport))
    });
    let (opened, transport) = match attached {
        Ok(attached) => attached,
        Err(refused) => return refuse(refused),
    };
    tokio::spawn(E::run(opened, transport));
    respond_with(StatusCode::OK, BYTES, Bytes::new())
}

fn answer(answer: Answer) -> HttpResponse {
    match answer {
        Answer::Data(body) => pieces(BYTES, body),
        Answer::Nothing => text(StatusCode::OK, ""),
        Answer::End => text(StatusCode::NO_CONTENT, ""),
        Answer::Conflict => text(StatusCode::CONFLICT, ""),
        Answer::Gone => text(StatusCode::NOT_FOUND, ""),
    }
}

/// No cache may answer a poll.
fn uncached(mut response: HttpResponse) -> HttpResponse {
    let headers = response.headers_mut();
    for (name, value) in [
        (CACHE_CONTROL, "no-cache, no-store"),
        (PRAGMA, "no-cache"),
        (EXPIRES, "Thu, 01 Jan 1970 00:00:00 GMT"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Ends a connection; the answer does not wait for that.
pub(super) fn delete<E: Endpoint>(endpoint: &E, parts: &Parts) -> HttpResponse {
    let Some(token) = token_of(parts) else {
        return refuse_id(None);
    };
    match endpoint.front().sessions.look_up(&token) {
        Known::No => refuse_id(Some(&token)),
        Known::Open(connection)
            if connection.via().transport() == Some(HttpTransportType::LongPolling) =>
        {
            connection.via().leave();
            text(StatusCode::ACCEPTED, "")
        }
        Known::Negotiated(_) | Known::Open(_) => text(
            StatusCode::BAD_REQUEST,
            "Cannot terminate this connection using the DELETE endpoint.",
        ),
    }
}
