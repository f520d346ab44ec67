//! A transport that outlives its links: where one is lost, another takes its place (transports reference, section 12).

use std::task::{Context, Poll, ready};

use bytes::BytesMut;

use super::{Ending, Read, Transport};
use crate::{error::Error, packet::Packet};

/// Where links come from.
pub(crate) trait Source: Send + 'static {
    /// The next link, which replaces the one that there is. `lost`: there is none.
    ///
    /// # Errors
    /// There will be none.
    fn poll_link(
        &mut self,
        cx: &mut Context<'_>,
        lost: bool,
    ) -> Poll<Result<Box<dyn Transport>, Error>>;

    /// Whether further links are wanted; after a `false` never again.
    fn want(&mut self, links: bool);

    /// The peer is at the other end of the last link.
    fn heard(&mut self) {}
}

/// One link after another, as long as that is wanted; until then and afterwards the transport is what its link is.
pub(crate) struct Relinked<S: Source> {
    link: Option<Box<dyn Transport>>,
    /// Nothing can be written to the link any more. What it still has to say decides whether it is lost or was closed.
    mute: bool,
    source: S,
    keeps: bool,
    /// Why there will be no other link.
    given_up: Option<Error>,
}

impl<S: Source> Relinked<S> {
    pub(crate) fn new(link: Box<dyn Transport>, source: S) -> Self {
        Self {
            link: Some(link),
            mute: false,
            source,
            keeps: false,
            given_up: None,
        }
    }

    /// The link that can be written to.
    fn open(&mut self) -> Option<&mut Box<dyn Transport>> {
        self.link.as_mut().filter(|_| !self.mute)
    }
}

impl<S: Source> Transport for Relinked<S> {
    /// Links are WebSockets and byte streams.
    fn is_binary(&self) -> bool {
        true
    }

    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        into: &mut BytesMut,
    ) -> Poll<Result<Read, Error>> {
        let Some(link) = &mut self.link else {
            return match self.given_up.take() {
                Some(error) => Poll::Ready(Err(error)),
                None if self.keeps => Poll::Pending,
                None => Poll::Ready(Ok(Read::End)),
            };
        };
        let is_lost = match link.poll_read(cx, into) {
            Poll::Ready(Ok(Read::Data)) => return Poll::Ready(Ok(Read::Data)),
            Poll::Ready(Ok(Read::End)) => !link.is_closed_by_peer(),
            Poll::Ready(Err(error)) if self.keeps && error.is_io() => true,
            Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            Poll::Pending if self.mute => true,
            Poll::Pending => return Poll::Pending,
        };
        if is_lost && self.keeps {
            self.link = None;
            return Poll::Pending;
        }
        Poll::Ready(Ok(Read::End))
    }

    fn push(&mut self, packet: Packet) {
        if let Some(link) = self.open() {
            link.push(packet);
        }
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let keeps = self.keeps;
        let Some(link) = self.open() else {
            return Poll::Ready(self.given_up.take().map_or(Ok(()), Err));
        };
        match ready!(link.poll_flush(cx)) {
            Err(error) if keeps && error.is_io() => {
                self.mute = true;
                // It has to be read to its end.
                cx.waker().wake_by_ref();
                Poll::Ready(Ok(()))
            }
            flushed => Poll::Ready(flushed),
        }
    }

    fn unsent(&self) -> usize {
        let open = self.link.as_ref().filter(|_| !self.mute);
        open.map_or(0, |link| link.unsent())
    }

    #[cfg(feature = "client")]
    fn progress(&self) -> Option<usize> {
        self.link.as_ref()?.progress()
    }

    fn close(&mut self, ending: Ending) {
        self.keep(false);
        if let Some(link) = self.open() {
            link.close(ending);
        }
    }

    fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.open()
            .map_or(Poll::Ready(()), |link| link.poll_closed(cx))
    }

    fn keep(&mut self, on: bool) -> bool {
        self.keeps = on;
        self.source.want(on);
        true
    }

    fn heard(&mut self) {
        self.source.heard();
    }

    fn is_linked(&self) -> bool {
        self.link.is_some() && !self.mute
    }

    fn poll_renewed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.keeps {
            return Poll::Pending;
        }
        let lost = !self.is_linked();
        match ready!(self.source.poll_link(cx, lost)) {
            Ok(link) => {
                self.link = Some(link);
                self.mute = false;
                Poll::Ready(())
            }
            Err(error) => {
                self.keep(false);
                self.given_up = Some(error);
                cx.waker().wake_by_ref();
                Poll::Pending
            }
        }
    }
}

/// A task that is stopped wherever it is wants no links either.
impl<S: Source> Drop for Relinked<S> {
    fn drop(&mut self) {
        self.source.want(false);
    }
}
