//! Server-Sent Events: one response without end for the server, and a POST for each batch of ours.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::BytesMut;
use http::{Method, Uri, header::CONTENT_TYPE};
use http_body::Body;
use hyper::body::Incoming;

use super::{
    PieceLimit,
    events::Events,
    posts::Posts,
    requests::{Request, Requests},
};
use crate::{
    error::Error,
    packet::Packet,
    transport::{Ending, Read, Transport},
};

const TYPE: &str = "text/event-stream";

/// What carries texts only.
pub(super) struct ServerSentEvents {
    request: Request,
    /// `None`: we have hung up.
    body: Option<Incoming>,
    events: Events,
    limit: PieceLimit,
    posts: Posts,
}

impl ServerSentEvents {
    /// Opens the stream of events; `limit`: of an event.
    ///
    /// # Errors
    /// The server refuses, or answers with something else.
    pub(super) async fn open(
        requests: &Arc<Requests>,
        uri: &Uri,
        limit: PieceLimit,
    ) -> Result<Self, Error> {
        let request = Request {
            accept: TYPE,
            ..Request::new("the event stream", Method::GET, uri)
        };
        let response = requests.send(&request, requests.limit()).await?;
        let found = response.headers().get(CONTENT_TYPE);
        let found = found.map_or("nothing", |found| {
            found.to_str().unwrap_or("something else")
        });
        if !found.trim_start().to_ascii_lowercase().starts_with(TYPE) {
            return Err(request.failed(format!("the content type is {found} instead of {TYPE}")));
        }
        Ok(Self {
            request,
            body: Some(response.into_body()),
            events: Events::new(limit.bytes()),
            limit,
            posts: Posts::new(requests, uri),
        })
    }
}

impl Transport for ServerSentEvents {
    fn is_binary(&self) -> bool {
        false
    }

    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        into: &mut BytesMut,
    ) -> Poll<Result<Read, Error>> {
        let before = into.len();
        while let Some(body) = &mut self.body {
            let Some(frame) = ready!(Pin::new(body).poll_frame(cx)) else {
                self.body = None;
                break;
            };
            let frame = frame.map_err(|error| self.request.failed(error))?;
            let Ok(data) = frame.into_data() else {
                continue;
            };
            if self.events.feed(&data, into).is_err() {
                return Poll::Ready(Err(self.limit.exceeded("an event has too many bytes")));
            }
            if into.len() > before {
                return Poll::Ready(Ok(Read::Data));
            }
        }
        Poll::Ready(Ok(Read::End))
    }

    fn push(&mut self, packet: Packet) {
        self.posts.push(packet);
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.posts.poll_flush(cx)
    }

    fn unsent(&self) -> usize {
        self.posts.unsent()
    }

    fn close(&mut self, _: Ending) {
        self.posts.leave();
    }

    fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let _ = ready!(self.posts.poll_flush(cx));
        self.body = None;
        Poll::Ready(())
    }
}
