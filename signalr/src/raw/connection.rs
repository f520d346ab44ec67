//! One raw connection, as its handler sees it.

use std::{
    fmt,
    future::poll_fn,
    net::SocketAddr,
    sync::Arc,
    task::{Context, Poll, Waker, ready},
};

use bytes::{Bytes, BytesMut};
use http::request::Parts;
use tokio::sync::oneshot;

use super::{attachment::Attachment, session::Handlers, text::Tail};
use crate::{
    connection::{ConnectionId, HttpTransportType},
    endpoint::Endpoint,
    error::{Error, Kind},
    packet::Packet,
    transport::{Ending, Read, Transport},
};

/// How bytes travel where a transport has messages of two kinds; the name is .NET's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TransferFormat {
    /// UTF-8 text.
    #[default]
    Text,
    /// Any bytes.
    Binary,
}

/// A connection that carries bytes both ways, with one client at its other end.
///
/// [`recv`](Self::recv) and [`send`](Self::send) work on pieces of whatever size. For protocols that are made for streams it is a
/// tokio [`AsyncRead`](tokio::io::AsyncRead) and [`AsyncWrite`](tokio::io::AsyncWrite) too, fit for `tokio::io::split`,
/// `tokio_util::codec::Framed`, or [`HubServer::serve_connection`](crate::HubServer::serve_connection).
///
/// It is a stream: where messages end is lost on the way, as in ASP.NET Core. What the transports guarantee is order, and that nothing
/// is missing in between. There are no pings at this level: a client that is silent stays connected, until it closes, its transport
/// fails, or it does not take what is sent to it.
///
/// The connection ends when this is dropped, wherever that is: everything sent goes out first, and the transport is closed in its own
/// way. If the handler has failed, a WebSocket closes with the code 1011.
///
/// See [`ConnectionServer`](crate::ConnectionServer) for an example.
pub struct RawConnection {
    /// Given back when this is dropped.
    transport: Option<Box<dyn Transport>>,
    back: Option<oneshot::Sender<Box<dyn Transport>>>,
    endpoint: Arc<Handlers>,
    attachment: Arc<Attachment>,
    waker: Waker,
    received: BytesMut,
    /// The client sends nothing more.
    ended: bool,
    /// Nothing more is sent to the client.
    closed: bool,
    format: TransferFormat,
    tail: Tail,
}

impl RawConnection {
    pub(super) fn new(
        transport: Box<dyn Transport>,
        endpoint: Arc<Handlers>,
        attachment: Arc<Attachment>,
    ) -> (Self, oneshot::Receiver<Box<dyn Transport>>) {
        let (back, returned) = oneshot::channel();
        let connection = Self {
            transport: Some(transport),
            back: Some(back),
            waker: attachment.waker(),
            endpoint,
            attachment,
            received: BytesMut::new(),
            ended: false,
            closed: false,
            format: TransferFormat::default(),
            tail: Tail::default(),
        };
        (connection, returned)
    }

    /// The connection's public id.
    #[must_use]
    pub fn id(&self) -> &ConnectionId {
        &self.attachment.id
    }

    /// The request that opened the connection; for a stream without HTTP an empty one.
    #[must_use]
    pub fn request(&self) -> &Parts {
        self.attachment.request.parts()
    }

    /// A parameter from the query of [`request`](Self::request), decoded; names are compared without case.
    #[must_use]
    pub fn query(&self, name: &str) -> Option<String> {
        self.attachment.request.query(name)
    }

    /// A cookie of [`request`](Self::request), as the client sent it.
    #[must_use]
    pub fn cookie(&self, name: &str) -> Option<&str> {
        self.attachment.request.cookie(name)
    }

    /// What carries the connection; `None` for a byte stream without HTTP.
    #[must_use]
    pub fn transport(&self) -> Option<HttpTransportType> {
        self.attachment.via.transport()
    }

    /// The other end of the socket, where the host tells it: see [`PeerAddr`](crate::PeerAddr).
    #[must_use]
    pub fn peer_addr(&self) -> Option<SocketAddr> {
        self.attachment.request.peer()
    }

    /// Our end of the socket, where the host tells it: see [`LocalAddr`](crate::LocalAddr).
    #[must_use]
    pub fn local_addr(&self) -> Option<SocketAddr> {
        self.attachment.request.local()
    }

    /// How what is sent travels. Default: [`TransferFormat::Text`].
    #[must_use]
    pub fn transfer_format(&self) -> TransferFormat {
        self.format
    }

    /// Chooses between text and binary messages for what is sent from here on.
    ///
    /// It matters for WebSockets, which have both, and for Server-Sent Events, which have only text. As text only whole UTF-8
    /// characters travel: a piece that ends within one keeps its last bytes back until the others come. The other transports carry any
    /// bytes in either format.
    ///
    /// # Errors
    /// The transport has no binary messages.
    pub fn set_transfer_format(&mut self, format: TransferFormat) -> Result<(), Error> {
        let transport = self.transport();
        if let (TransferFormat::Binary, Some(transport), false) =
            (format, transport, self.wire().is_binary())
        {
            let text = format!("The {transport} transport carries text only.");
            return Err(Kind::NotAllowed(text.into()).into());
        }
        self.format = format;
        Ok(())
    }

    /// The next piece of what the client sends; `None` when it will send nothing more, or the server wants the connection to end: it
    /// shuts down, or the client's [`Identity`](crate::Identity) has expired.
    ///
    /// # Errors
    /// The transport failed, or the client did not take what was sent to it within the
    /// [`send_timeout`](crate::ConnectionServerBuilder::send_timeout).
    ///
    /// # Cancel safety
    /// Nothing is lost if the future is dropped.
    pub async fn recv(&mut self) -> Result<Option<Bytes>, Error> {
        let more = poll_fn(|cx| self.poll_fill(cx)).await?;
        Ok(more.then(|| std::mem::take(&mut self.received).freeze()))
    }

    /// Sends a piece; on WebSockets it is a message, with Server-Sent Events an event.
    ///
    /// Completes when a socket has taken it. For long polling up to [`send_queue_limit`](crate::ConnectionServerBuilder::send_queue_limit)
    /// bytes wait for the client's next poll; beyond, this waits.
    ///
    /// # Errors
    /// The client has gone, or takes nothing; or the bytes do not fit the [transfer format](Self::set_transfer_format).
    ///
    /// # Cancel safety
    /// Dropped early, the piece is sent completely or not at all. If it is begun, receiving and sending carry on with it.
    pub async fn send(&mut self, piece: impl Into<Bytes>) -> Result<(), Error> {
        let piece = piece.into();
        poll_fn(|cx| self.poll_room(cx)).await?;
        self.push(piece)?;
        poll_fn(|cx| self.poll_sent(cx)).await
    }

    /// Reads until there is something: `false` at the end.
    pub(super) fn poll_fill(&mut self, cx: &Context<'_>) -> Poll<Result<bool, Error>> {
        self.attachment.reader.register(cx.waker());
        loop {
            if !self.received.is_empty() {
                return Poll::Ready(Ok(true));
            }
            if self.ended || self.attachment.is_stopping() {
                return Poll::Ready(Ok(false));
            }
            self.attachment.check()?;
            if self.wire().unsent() > 0 {
                // A send that was given up, or a half of a split connection that waits for the other.
                let _ = self.poll_flushed()?;
            }
            let mut own = Context::from_waker(&self.waker);
            let wire = self.transport.as_mut().expect(TAKEN);
            match ready!(wire.poll_read(&mut own, &mut self.received))? {
                Read::Data => {}
                Read::End => self.ended = true,
            }
        }
    }

    /// Waits until another piece may be queued.
    pub(super) fn poll_room(&mut self, cx: &Context<'_>) -> Poll<Result<(), Error>> {
        self.attachment.writer.register(cx.waker());
        self.attachment.check()?;
        let has_gone = self.ended && self.transport().is_some();
        if self.closed || has_gone {
            let text = "The connection is closed.";
            return Poll::Ready(Err(Kind::NotConnected(text.into()).into()));
        }
        if self.has_room() {
            return Poll::Ready(Ok(()));
        }
        let flushed = self.poll_flushed()?;
        if flushed.is_ready() || self.has_room() {
            Poll::Ready(Ok(()))
        } else {
            Poll::Pending
        }
    }

    /// Queues a piece.
    pub(super) fn push(&mut self, piece: Bytes) -> Result<(), Error> {
        use HttpTransportType::{ServerSentEvents, WebSockets};
        let has_text = matches!(self.transport(), Some(WebSockets | ServerSentEvents));
        let piece = if has_text && self.format == TransferFormat::Text {
            self.tail.cut(piece)?
        } else {
            piece
        };
        if piece.is_empty() {
            return Ok(());
        }
        let packet = Packet::build(self.format == TransferFormat::Binary, |out| {
            out.extend_from_slice(&piece);
            Ok::<_, std::convert::Infallible>(())
        });
        let packet = packet.unwrap_or_else(|never| match never {});
        self.wire_mut().push(packet);
        Ok(())
    }

    /// Waits until a socket has taken everything. A client that polls comes for it when it comes.
    pub(super) fn poll_sent(&mut self, cx: &Context<'_>) -> Poll<Result<(), Error>> {
        self.attachment.writer.register(cx.waker());
        self.attachment.check()?;
        let flushed = self.poll_flushed()?;
        if flushed.is_ready() || self.wire().is_polled() && self.has_room() {
            Poll::Ready(Ok(()))
        } else {
            Poll::Pending
        }
    }

    /// Ends our side behind everything that was sent; the client's side goes on until it has answered.
    pub(super) fn end(&mut self) {
        if !std::mem::replace(&mut self.closed, true) {
            self.wire_mut().close(Ending::Normal);
        }
    }

    fn poll_flushed(&mut self) -> Result<Poll<()>, Error> {
        let mut own = Context::from_waker(&self.waker);
        let wire = self.transport.as_mut().expect(TAKEN);
        match wire.poll_flush(&mut own) {
            Poll::Ready(result) => {
                self.attachment.set_stuck(None);
                result.map(Poll::Ready)
            }
            Poll::Pending => {
                // What waits for a poll is not stuck; the heartbeat looks at polls itself.
                let now = (!wire.is_polled()).then(|| self.endpoint.front().now());
                self.attachment.set_stuck(now);
                Ok(Poll::Pending)
            }
        }
    }

    fn has_room(&self) -> bool {
        self.wire().unsent() < self.endpoint.options().send_queue_limit
    }

    fn wire(&self) -> &dyn Transport {
        self.transport.as_deref().expect(TAKEN)
    }

    fn wire_mut(&mut self) -> &mut dyn Transport {
        self.transport.as_deref_mut().expect(TAKEN)
    }

    pub(super) fn received(&mut self) -> &mut BytesMut {
        &mut self.received
    }
}

const TAKEN: &str = "the transport is given back only when the connection is dropped";

impl Drop for RawConnection {
    fn drop(&mut self) {
        if let (Some(back), Some(transport)) = (self.back.take(), self.transport.take()) {
            // Whoever waited for it may have been killed.
            back.send(transport).ok();
        }
    }
}

impl fmt::Debug for RawConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawConnection")
            .field("id", self.id())
            .field("transport", &self.transport())
            .field("transfer_format", &self.format)
            .finish_non_exhaustive()
    }
}
