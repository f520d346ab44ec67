//! Long polling: the polls and the DELETE that ends them (transports reference, section 7).

use std::sync::Arc;

use bytes::Bytes;
use http::{
    HeaderValue, StatusCode,
    header::{CACHE_CONTROL, EXPIRES, PRAGMA},
    request::Parts,
};

use super::{
    hub_server::Shared,
    request,
    response::{HubResponse, ResponseFuture, pieces, respond_with, text},
    service::{check, refuse, refuse_id, token_of},
    session,
    sessions::Known,
    via::Via,
};
use crate::{
    hub::{HttpTransportType, Hub},
    transport::{
        long_polling::LongPolling,
        polls::{Answer, Polls},
    },
};

const BYTES: &str = "application/octet-stream";

/// Answers a poll: the first one at once, any other when there is something.
pub(super) fn poll<H: Hub>(shared: &Arc<Shared<H>>, parts: Parts) -> ResponseFuture {
    match check(shared, &parts, HttpTransportType::LongPolling) {
        Ok((token, None)) => uncached(open(shared, token, parts)).into(),
        Ok((_, Some(connection))) => match &connection.via {
            Via::LongPolling { polls, .. } => {
                let polls = Arc::clone(polls);
                ResponseFuture::later(async { uncached(answer(polls.poll().await)) })
            }
            // Its transport was checked.
            _ => uncached(text(StatusCode::CONFLICT, "")).into(),
        },
        Err(response) => uncached(*response).into(),
    }
}

/// The first poll starts the connection, and brings nothing: clients see that the way is free.
fn open<H: Hub>(shared: &Arc<Shared<H>>, token: String, mut parts: Parts) -> HubResponse {
    request::detach(&mut parts);
    let attached = shared.attach(&token, parts, |inlet| {
        let polls = Polls::new();
        let transport = LongPolling::new(Arc::clone(&inlet), Arc::clone(&polls));
        Some((Via::LongPolling { inlet, polls }, transport))
    });
    let (connection, transport) = match attached {
        Ok(attached) => attached,
        Err(refused) => return refuse(refused),
    };
    let run = session::run(Arc::clone(shared), token.into(), connection, transport);
    tokio::spawn(run);
    respond_with(StatusCode::OK, BYTES, Bytes::new())
}

fn answer(answer: Answer) -> HubResponse {
    match answer {
        Answer::Data(body) => pieces(BYTES, body),
        Answer::Nothing => text(StatusCode::OK, ""),
        Answer::End => text(StatusCode::NO_CONTENT, ""),
        Answer::Conflict => text(StatusCode::CONFLICT, ""),
        Answer::Gone => text(StatusCode::NOT_FOUND, ""),
    }
}

/// No cache may answer a poll.
fn uncached(mut response: HubResponse) -> HubResponse {
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
pub(super) fn delete<H: Hub>(shared: &Shared<H>, parts: &Parts) -> HubResponse {
    let Some(token) = token_of(parts) else {
        return refuse_id(None);
    };
    match shared.core.sessions.look_up(&token) {
        Known::No => refuse_id(Some(&token)),
        Known::Open(connection)
            if connection.via.transport() == Some(HttpTransportType::LongPolling) =>
        {
            connection.via.leave();
            text(StatusCode::ACCEPTED, "")
        }
        Known::Negotiated(_) | Known::Open(_) => text(
            StatusCode::BAD_REQUEST,
            "Cannot terminate this connection using the DELETE endpoint.",
        ),
    }
}
