//! What requests are answered with.

use std::{
    convert::Infallible,
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;

use super::cors::Cors;
use crate::{connection::BoxFuture, error::Error, transport::outlet::OutletBody};

/// The body of our responses.
///
/// It fails when a connection ends within a response that its client should not take for complete.
#[derive(Debug)]
pub struct ResponseBody(Content);

#[derive(Debug)]
enum Content {
    Whole(Full<Bytes>),
    Pieces(OutletBody),
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        match &mut self.0 {
            Content::Whole(body) => Pin::new(body)
                .poll_frame(cx)
                .map_err(|never| match never {}),
            Content::Pieces(body) => Pin::new(body).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Content::Whole(body) => body.is_end_stream(),
            Content::Pieces(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Content::Whole(body) => body.size_hint(),
            Content::Pieces(body) => body.size_hint(),
        }
    }
}

/// Without content; middleware that answers in our place needs it.
impl Default for ResponseBody {
    fn default() -> Self {
        Self(Content::Whole(Full::default()))
    }
}

pub(crate) type HttpResponse = Response<ResponseBody>;

/// The answer of a [`HubServer`](crate::HubServer) or a [`ConnectionServer`](crate::ConnectionServer) in the making: at once for most requests, later for a poll or a POST.
///
/// # Cancel safety
/// Dropping it before it is ready is what a client's disconnect does: a poll loses nothing, of a POST a part may have arrived.
#[must_use = "futures do nothing unless they are awaited"]
pub struct ResponseFuture {
    inner: Inner,
    cors: Cors,
}

enum Inner {
    Ready(Option<HttpResponse>),
    Waiting(BoxFuture<HttpResponse>),
}

impl ResponseFuture {
    pub(super) fn later(response: impl Future<Output = HttpResponse> + Send + 'static) -> Self {
        Inner::Waiting(Box::pin(response)).into()
    }

    /// Whatever the response is, it carries these headers.
    pub(super) fn with(self, cors: Cors) -> Self {
        Self { cors, ..self }
    }
}

impl From<HttpResponse> for ResponseFuture {
    fn from(response: HttpResponse) -> Self {
        Inner::Ready(Some(response)).into()
    }
}

impl From<Inner> for ResponseFuture {
    fn from(inner: Inner) -> Self {
        let cors = Cors::default();
        Self { inner, cors }
    }
}

impl Future for ResponseFuture {
    type Output = Result<HttpResponse, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut response = match &mut self.inner {
            Inner::Ready(response) => {
                let response = response.take();
                response.expect("a future is not polled after its end")
            }
            Inner::Waiting(response) => ready!(response.as_mut().poll(cx)),
        };
        std::mem::take(&mut self.cors).add_to(&mut response);
        Poll::Ready(Ok(response))
    }
}

impl fmt::Debug for ResponseFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.inner {
            Inner::Ready(_) => "ResponseFuture(ready)",
            Inner::Waiting(_) => "ResponseFuture(waiting)",
        })
    }
}

pub(super) fn json(value: &impl serde::Serialize) -> HttpResponse {
    // Room for any answer, so that it is not moved while it grows.
    let mut body = Vec::with_capacity(512);
    serde_json::to_writer(&mut body, value).expect("plain strings and numbers can be written");
    respond_with(StatusCode::OK, "application/json", body.into())
}

/// Plain text; mostly none at all, since clients read the status.
pub(crate) fn text(status: StatusCode, body: impl Into<Bytes>) -> HttpResponse {
    respond_with(status, "text/plain", body.into())
}

/// A response whose body comes in pieces.
pub(super) fn pieces(content_type: &'static str, body: OutletBody) -> HttpResponse {
    let mut response = respond_with(StatusCode::OK, content_type, Bytes::new());
    *response.body_mut() = ResponseBody(Content::Pieces(body));
    response
}

pub(super) fn respond_with(
    status: StatusCode,
    content_type: &'static str,
    body: Bytes,
) -> HttpResponse {
    let mut response = empty(status);
    *response.body_mut() = ResponseBody(Content::Whole(Full::new(body)));
    let content_type = HeaderValue::from_static(content_type);
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, content_type);
    response
}

pub(super) fn empty(status: StatusCode) -> HttpResponse {
    let mut response = Response::new(ResponseBody::default());
    *response.status_mut() = status;
    response
}
