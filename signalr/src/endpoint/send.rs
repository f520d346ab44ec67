//! Sends by POST (transports reference, section 8).

use std::{
    pin::{Pin, pin},
    sync::Arc,
    task::ready,
    time::Duration,
};

use bytes::{Buf, Bytes};
use futures_util::future::{Either, join, select};
use http::{StatusCode, request::Parts};
use http_body::Body;
use tokio::time::{Instant, timeout};

use super::{
    front::{Attached, Endpoint},
    response::{HttpResponse, ResponseFuture, text},
    routes::{refuse_id, token_of},
    sessions::Known,
};
use crate::{connection::HttpTransportType, transport::inlet::Inlet};

/// A body may take this long, and a second more for each [`RATE`] bytes; the time in which it waits for us does not count.
const GRACE: Duration = Duration::from_secs(15);
const RATE: u64 = 240;

/// Takes the body of a POST request into the connection.
pub(super) fn send<E: Endpoint, B>(endpoint: &E, parts: &Parts, body: B) -> ResponseFuture
where
    B: Body + Send + 'static,
{
    let options = endpoint.options();
    let Some(token) = token_of(parts) else {
        return refuse_id(None).into();
    };
    let inlet = match endpoint.front().sessions.look_up(&token) {
        Known::No => return refuse_id(Some(&token)).into(),
        Known::Negotiated(inlet) => {
            let mut offers = options.offers();
            offers
                .any(|offer| offer != HttpTransportType::WebSockets)
                .then_some(inlet)
        }
        Known::Open(connection) => connection.via().inlet().cloned(),
    };
    match inlet {
        Some(inlet) => ResponseFuture::later(receive(inlet, body, options.max_body_size)),
        None => text(
            StatusCode::METHOD_NOT_ALLOWED,
            "POST requests are not allowed for WebSocket connections.",
        )
        .into(),
    }
}

async fn receive<B: Body + Send>(inlet: Arc<Inlet>, body: B, limit: u64) -> HttpResponse {
    let incoming = Incoming {
        body: Box::pin(body),
        limit,
        received: 0,
        waited: Duration::ZERO,
    };
    let copied = pin!(incoming.copy_to(&inlet));
    // A body that never ends does not outlive its connection.
    match select(copied, pin!(inlet.ended())).await {
        Either::Left((response, _)) => response,
        Either::Right(_) => text(StatusCode::NOT_FOUND, ""),
    }
}

/// A body that is being read.
struct Incoming<B> {
    body: Pin<Box<B>>,
    limit: u64,
    received: u64,
    /// How long we have waited for the client.
    waited: Duration,
}

impl<B: Body> Incoming<B> {
    async fn copy_to(mut self, inlet: &Inlet) -> HttpResponse {
        if self.body.size_hint().lower() > self.limit {
            return too_large(self.limit);
        }
        // The first piece is read while others have their turn: a server that has read a short body can see its client go.
        let (_turn, mut piece) = join(inlet.turn(), self.next()).await;
        loop {
            let bytes = match piece {
                // An empty body finds out, too, whether anybody reads.
                Ok(None) if self.received == 0 => Bytes::new(),
                Ok(None) => return text(StatusCode::OK, ""),
                Ok(Some(bytes)) => bytes,
                Err(response) => return *response,
            };
            if inlet.write(bytes).await.is_err() {
                return text(StatusCode::NOT_FOUND, "");
            }
            if self.received == 0 {
                return text(StatusCode::OK, "");
            }
            piece = self.next().await;
        }
    }

    /// The next piece of the body, counted before it is used.
    async fn next(&mut self) -> Result<Option<Bytes>, Box<HttpResponse>> {
        let patience = GRACE + Duration::from_secs(self.received / RATE);
        let begun = Instant::now();
        let piece = timeout(patience.saturating_sub(self.waited), self.piece()).await;
        self.waited += begun.elapsed();
        let piece = match piece {
            Ok(Ok(piece)) => piece,
            Ok(Err(BrokenOff)) => return Err(Box::new(text(StatusCode::BAD_REQUEST, ""))),
            Err(_) => return Err(Box::new(text(StatusCode::REQUEST_TIMEOUT, ""))),
        };
        self.received += piece.as_ref().map_or(0, |piece| piece.len() as u64);
        if self.received > self.limit {
            return Err(Box::new(too_large(self.limit)));
        }
        Ok(piece)
    }

    /// Turns whatever the body's buffers are into bytes at once: none of them is kept while we wait, so they need not be `Send`.
    async fn piece(&mut self) -> Result<Option<Bytes>, BrokenOff> {
        std::future::poll_fn(|cx| {
            loop {
                let frame = ready!(self.body.as_mut().poll_frame(cx));
                let Some(frame) = frame.transpose().map_err(|_| BrokenOff)? else {
                    return Ok(None).into();
                };
                // Trailers say nothing to us.
                if let Ok(mut data) = frame.into_data()
                    && data.has_remaining()
                {
                    return Ok(Some(data.copy_to_bytes(data.remaining()))).into();
                }
            }
        })
        .await
    }
}

/// The client went away within its body, or the host had enough of it.
struct BrokenOff;

fn too_large(limit: u64) -> HttpResponse {
    let reason = format!("The body is larger than `max_body_size` ({limit}) bytes.");
    text(StatusCode::PAYLOAD_TOO_LARGE, reason)
}
