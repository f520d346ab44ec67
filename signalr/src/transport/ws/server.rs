//! The server's end of a WebSocket (transports reference, section 5).

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::{Bytes, BytesMut};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    task::coop,
};

use super::decoder::{Decoder, Event};
#[cfg(feature = "deflate")]
use super::deflate::deflate;
use crate::{
    error::Error,
    packet::{DirectWrite, Packet},
    transport::{Ending, Read, Transport, out_queue::OutQueue, scratch},
};

const CLOSE_NORMAL: [u8; 4] = [0x88, 0x02, 0x03, 0xe8];
const CLOSE_PROTOCOL_ERROR: [u8; 4] = [0x88, 0x02, 0x03, 0xea];
const CLOSE_FAILURE: [u8; 4] = [0x88, 0x02, 0x03, 0xf3];
const PONG: u8 = 0x8a;

/// A WebSocket after its upgrade.
pub(crate) struct WebSocket<S> {
    io: S,
    /// What the HTTP server had read beyond the upgrade request.
    leftover: Bytes,
    decoder: Decoder,
    /// The peer takes compressed messages.
    #[cfg(feature = "deflate")]
    compress: bool,
    out: OutQueue,
    /// The first chunk in `out` is half written.
    started: bool,
    /// The answer to the last protocol ping, not yet queued: only the last one needs an answer.
    pong: Option<Bytes>,
    close_sent: bool,
    close_received: bool,
    direct: Option<Arc<dyn DirectWrite>>,
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> WebSocket<S> {
    pub(crate) fn new(io: S, leftover: Bytes) -> Self {
        Self {
            io,
            leftover,
            decoder: Decoder::default(),
            #[cfg(feature = "deflate")]
            compress: false,
            out: OutQueue::default(),
            started: false,
            pong: None,
            close_sent: false,
            close_received: false,
            direct: None,
        }
    }

    /// There is a way to write past `io`; for frames that are the same for everybody.
    #[cfg(feature = "standalone")]
    pub(crate) fn with_direct(self, direct: Option<Arc<dyn DirectWrite>>) -> Self {
        Self { direct, ..self }
    }

    /// permessage-deflate was agreed on.
    #[cfg(feature = "deflate")]
    pub(crate) fn compressed(self) -> Self {
        Self {
            decoder: Decoder::inflating(),
            compress: true,
            direct: None,
            ..self
        }
    }

    /// What is left of the input waits for the next read.
    fn decode<'a>(&mut self, mut input: &'a [u8], into: &mut BytesMut) -> Result<&'a [u8], Error> {
        while !self.close_received {
            match self.decoder.decode(&mut input, into) {
                Ok(None) => break,
                #[cfg(feature = "deflate")]
                Ok(Some(Event::Enough)) => return Ok(input),
                Ok(Some(Event::Ping(payload))) => self.pong = Some(pong(&payload)),
                Ok(Some(Event::Close)) => self.closed_by_peer(),
                Err(violation) => return Err(Error::protocol(violation.0)),
            }
        }
        Ok(&[])
    }

    /// The peer reads nothing any more: only the answer to its close frame goes out.
    fn closed_by_peer(&mut self) {
        self.close_received = true;
        self.out.clear_unstarted(self.started);
        self.pong = None;
        self.close(Ending::Normal);
    }

    /// Reads a piece into the lent buffer. `Ok(None)`: the peer has ended.
    fn poll_piece(
        &mut self,
        cx: &mut Context<'_>,
        into: &mut BytesMut,
    ) -> Poll<Result<Option<()>, Error>> {
        if !self.leftover.is_empty() {
            // A little that was compressed may keep the task busy for long, without a socket that makes it give way.
            ready!(coop::poll_proceed(cx)).made_progress();
            let leftover = std::mem::take(&mut self.leftover);
            let rest = self.decode(&leftover, into)?;
            self.leftover = leftover.slice_ref(rest);
            return Poll::Ready(Ok(Some(())));
        }
        scratch::lend(|scratch| {
            let mut buffer = ReadBuf::new(scratch);
            ready!(Pin::new(&mut self.io).poll_read(cx, &mut buffer))?;
            if buffer.filled().is_empty() {
                return Poll::Ready(Ok(None));
            }
            // Nearly all of it is payload.
            into.reserve(buffer.filled().len());
            let rest = self.decode(buffer.filled(), into)?;
            self.leftover = Bytes::copy_from_slice(rest);
            Poll::Ready(Ok(Some(())))
        })
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Transport for WebSocket<S> {
    fn is_binary(&self) -> bool {
        true
    }

    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        into: &mut BytesMut,
    ) -> Poll<Result<Read, Error>> {
        let before = into.len();
        loop {
            if self.close_received {
                // Data in front of the close frame is handed out first.
                let read = if into.len() > before {
                    Read::Data
                } else {
                    Read::End
                };
                return Poll::Ready(Ok(read));
            }
            match ready!(self.poll_piece(cx, into)) {
                Ok(Some(())) if into.len() > before => return Poll::Ready(Ok(Read::Data)),
                // Headers and control frames alone: read on, after a waiting pong is on its way.
                Ok(Some(())) if self.pong.is_some() => {
                    let _ = self.poll_flush(cx)?;
                }
                Ok(Some(())) => {}
                Ok(None) => return Poll::Ready(Ok(Read::End)),
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    fn push(&mut self, packet: Packet) {
        if self.close_sent {
            return;
        }
        #[cfg(feature = "deflate")]
        if self.compress {
            return self.out.push(packet.into_compressed_frame(deflate));
        }
        self.out.push(packet.into_frame());
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        loop {
            ready!(self.out.poll_write(&mut self.io, cx, &mut self.started))?;
            match self.pong.take() {
                Some(pong) => self.out.push(pong),
                None => return Poll::Ready(Ok(())),
            }
        }
    }

    fn unsent(&self) -> usize {
        self.out.unsent()
    }

    fn take_direct(&mut self) -> Option<Arc<dyn DirectWrite>> {
        self.direct.take()
    }

    fn resume(&mut self, rest: Bytes) {
        debug_assert_eq!(self.out.unsent(), 0, "it was lent while nothing waited");
        self.out.push(rest);
        self.started = true;
    }

    fn close(&mut self, ending: Ending) {
        if !std::mem::replace(&mut self.close_sent, true) {
            self.out.push(Bytes::from_static(match ending {
                Ending::Normal => &CLOSE_NORMAL,
                Ending::Violation => &CLOSE_PROTOCOL_ERROR,
                Ending::Failure => &CLOSE_FAILURE,
            }));
        }
    }

    fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if ready!(self.poll_flush(cx)).is_err() {
            return Poll::Ready(());
        }
        #[cfg(feature = "deflate")]
        self.decoder.stop_inflating();
        // Whoever holds it keeps the socket open.
        self.direct = None;
        let mut ignored = BytesMut::new();
        while !self.close_received {
            match ready!(self.poll_read(cx, &mut ignored)) {
                Ok(Read::Data) => ignored.clear(),
                Ok(Read::End) | Err(_) => break,
            }
        }
        // A peer that is gone cannot be told; there is nothing to do about it.
        let _: io::Result<()> = ready!(Pin::new(&mut self.io).poll_shutdown(cx));
        Poll::Ready(())
    }

    fn is_closed_by_peer(&self) -> bool {
        self.close_received
    }
}

/// A pong frame; the payload of a control frame fits a one-byte length.
fn pong(payload: &[u8]) -> Bytes {
    let length = u8::try_from(payload.len()).expect("a ping is at most 125 bytes");
    [&[PONG, length], payload].concat().into()
}
