//! Sends by POST, for the transports whose other direction is a response.

use std::{
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::{Bytes, BytesMut};
use http::{Method, Uri};

use super::requests::{Request, Requests};
use crate::{connection::BoxFuture, error::Error, packet::Packet};

/// One request at a time; what comes meanwhile goes together with the next.
pub(super) struct Posts {
    requests: Arc<Requests>,
    uri: Uri,
    waiting: Vec<Bytes>,
    unsent: usize,
    running: Option<(usize, BoxFuture<Result<(), Error>>)>,
    /// One that failed was the last.
    failure: Option<Error>,
}

impl Posts {
    pub(super) fn new(requests: &Arc<Requests>, uri: &Uri) -> Self {
        Self {
            requests: Arc::clone(requests),
            uri: uri.clone(),
            waiting: Vec::new(),
            unsent: 0,
            running: None,
            failure: None,
        }
    }

    pub(super) fn push(&mut self, packet: Packet) {
        self.unsent += packet.len();
        self.waiting.push(packet.into_payload());
    }

    pub(super) fn unsent(&self) -> usize {
        self.unsent
    }

    /// What is left may not wait for the user.
    pub(super) fn leave(&self) {
        self.requests.tokens.leave();
    }

    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        loop {
            if let Some(failure) = &self.failure {
                return Poll::Ready(Err(failure.clone()));
            }
            if let Some((size, running)) = &mut self.running {
                let (size, sent) = (*size, ready!(running.as_mut().poll(cx)));
                self.running = None;
                self.unsent -= size;
                self.failure = sent.err();
            } else if self.waiting.is_empty() {
                return Poll::Ready(Ok(()));
            } else {
                let body = join(std::mem::take(&mut self.waiting));
                self.running = Some((body.len(), self.send(body)));
            }
        }
    }

    fn send(&self, body: Bytes) -> BoxFuture<Result<(), Error>> {
        let requests = Arc::clone(&self.requests);
        let request = Request {
            body,
            ..Request::new("a send", Method::POST, &self.uri)
        };
        Box::pin(async move {
            let response = requests.send(&request, requests.limit()).await?;
            Requests::drain(response).await;
            Ok(())
        })
    }
}

fn join(mut pieces: Vec<Bytes>) -> Bytes {
    if pieces.len() == 1 {
        return pieces.remove(0);
    }
    let mut joined = BytesMut::with_capacity(pieces.iter().map(Bytes::len).sum());
    for piece in &pieces {
        joined.extend_from_slice(piece);
    }
    joined.freeze()
}
