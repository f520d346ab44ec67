//! Long polling: a request that waits for the server's next batch, again and again, and a POST for each batch of ours.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::BytesMut;
use http::{Method, Response, StatusCode, Uri};
use http_body::Body;
use hyper::body::Incoming;

use super::{
    failures::too_late,
    posts::Posts,
    requests::{Request, Requests},
};
use crate::{
    client::{
        retry::doubled,
        rt::{Instant, Sleep, sleep},
    },
    connection::BoxFuture,
    error::Error,
    packet::Packet,
    transport::{Ending, Read, Transport},
};

/// What a poll may take beyond other requests, as servers hold it back.
const MORE_TIME: Duration = Duration::from_secs(20);

/// A poll that was answered sooner, and with nothing, was not held back.
const AT_ONCE: Duration = Duration::from_millis(100);
/// How many such polls in a row are followed by the next without a pause.
const UNPAUSED: u32 = 3;
/// The pause behind further ones: the first, and the longest.
const PAUSES: [Duration; 2] = [Duration::from_millis(50), Duration::from_secs(1)];

/// What carries texts and binary messages.
pub(super) struct LongPolling {
    requests: Arc<Requests>,
    uri: Uri,
    stage: Stage,
    pace: Pace,
    posts: Posts,
}

enum Stage {
    /// A poll waits for its answer; `None`: it took too long.
    Asking(BoxFuture<Result<Option<Response<Incoming>>, Error>>),
    /// It has one, which must come within the time.
    Reading(Incoming, Pin<Box<Sleep>>),
    /// The server has ended the connection, or a poll has failed.
    Ended,
    /// We have ended it, and no poll waits; what is left is sent.
    Leaving,
    /// Nothing is left, and the server is told.
    Deleting(BoxFuture<()>),
}

/// How fast polls follow each other.
struct Pace {
    asked: Instant,
    /// Whether the poll has brought nothing so far.
    is_empty: bool,
    /// Polls in a row that brought nothing, at once.
    in_vain: u32,
}

impl Pace {
    fn new() -> Self {
        Self {
            asked: Instant::now(),
            is_empty: true,
            in_vain: 0,
        }
    }

    /// A poll is over; the pause before the next.
    fn next(&mut self) -> Duration {
        let in_vain = self.is_empty && self.asked.elapsed() < AT_ONCE;
        self.in_vain = if in_vain {
            self.in_vain.saturating_add(1)
        } else {
            0
        };
        let pause = match self.in_vain.checked_sub(UNPAUSED + 1) {
            None => Duration::ZERO,
            Some(doublings) => doubled(PAUSES[0], doublings, PAUSES[1]),
        };
        self.is_empty = true;
        self.asked = Instant::now() + pause;
        pause
    }
}

impl LongPolling {
    /// Makes the first poll, which the server answers at once and without data.
    ///
    /// # Errors
    /// The server refuses.
    pub(super) async fn open(requests: &Arc<Requests>, uri: &Uri) -> Result<Self, Error> {
        let poll = poll(uri);
        let response = requests.send(&poll, requests.limit()).await?;
        Requests::drain(response).await;
        Ok(Self {
            requests: Arc::clone(requests),
            uri: uri.clone(),
            stage: Stage::Asking(ask(requests, uri, Duration::ZERO)),
            pace: Pace::new(),
            posts: Posts::new(requests, uri),
        })
    }

    fn poll_stage(
        &mut self,
        cx: &mut Context<'_>,
        into: &mut BytesMut,
    ) -> Poll<Result<Read, Error>> {
        loop {
            match &mut self.stage {
                Stage::Asking(asking) => {
                    let answer = ready!(asking.as_mut().poll(cx))?;
                    self.stage = match answer {
                        Some(response) if response.status() == StatusCode::NO_CONTENT => {
                            Stage::Ended
                        }
                        Some(response) => {
                            let limit = Box::pin(sleep(self.requests.limit()));
                            Stage::Reading(response.into_body(), limit)
                        }
                        None => Stage::Asking(ask(&self.requests, &self.uri, self.pace.next())),
                    };
                }
                Stage::Reading(body, limit) => {
                    let Poll::Ready(frame) = Pin::new(body).poll_frame(cx) else {
                        ready!(limit.as_mut().poll(cx));
                        let after = self.requests.limit();
                        return Poll::Ready(Err(too_late("a poll's rest", &self.uri, after)));
                    };
                    let Some(frame) = frame else {
                        let pause = self.pace.next();
                        self.stage = Stage::Asking(ask(&self.requests, &self.uri, pause));
                        continue;
                    };
                    let frame = frame.map_err(|error| poll(&self.uri).failed(error))?;
                    if let Ok(data) = frame.into_data()
                        && !data.is_empty()
                    {
                        self.pace.is_empty = false;
                        into.extend_from_slice(&data);
                        return Poll::Ready(Ok(Read::Data));
                    }
                }
                Stage::Ended | Stage::Leaving | Stage::Deleting(_) => {
                    return Poll::Ready(Ok(Read::End));
                }
            }
        }
    }
}

fn poll(uri: &Uri) -> Request {
    Request::new("a poll", Method::GET, uri)
}

fn ask(
    requests: &Arc<Requests>,
    uri: &Uri,
    pause: Duration,
) -> BoxFuture<Result<Option<Response<Incoming>>, Error>> {
    let (requests, poll) = (Arc::clone(requests), poll(uri));
    Box::pin(async move {
        if !pause.is_zero() {
            sleep(pause).await;
        }
        let limit = requests.limit().saturating_add(MORE_TIME);
        match requests.send(&poll, limit).await {
            Ok(response) => Ok(Some(response)),
            Err(error) if error.is_request_timeout() => Ok(None),
            Err(error) => Err(error),
        }
    })
}

fn delete(requests: &Arc<Requests>, uri: &Uri) -> BoxFuture<()> {
    let requests = Arc::clone(requests);
    let request = Request::new("the end of polling", Method::DELETE, uri);
    Box::pin(async move {
        if let Err(error) = requests.send(&request, requests.limit()).await {
            tracing::debug!(?error, "the server was not told that polling has ended");
        }
    })
}

impl Transport for LongPolling {
    fn is_binary(&self) -> bool {
        true
    }

    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        into: &mut BytesMut,
    ) -> Poll<Result<Read, Error>> {
        let read = ready!(self.poll_stage(cx, into));
        if read.is_err() {
            self.stage = Stage::Ended;
        }
        Poll::Ready(read)
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

    /// The poll ends first: it may wait for a token, for which what is left to send would wait too.
    fn close(&mut self, _: Ending) {
        if let Stage::Asking(_) | Stage::Reading(..) = self.stage {
            self.stage = Stage::Leaving;
        }
        self.posts.leave();
    }

    fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            match &mut self.stage {
                Stage::Ended => return Poll::Ready(()),
                Stage::Deleting(deleting) => {
                    ready!(deleting.as_mut().poll(cx));
                    self.stage = Stage::Ended;
                }
                Stage::Asking(_) | Stage::Reading(..) | Stage::Leaving => {
                    let _ = ready!(self.posts.poll_flush(cx));
                    self.stage = Stage::Deleting(delete(&self.requests, &self.uri));
                }
            }
        }
    }
}
