//! A raw connection as one of tokio's byte streams.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::RawConnection;
use crate::error::Error;

impl AsyncRead for RawConnection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if ready!(self.poll_fill(cx)).map_err(Error::into_io)? {
            let received = self.received();
            let length = received.len().min(buffer.remaining());
            buffer.put_slice(&received[..length]);
            received.advance(length);
        }
        Poll::Ready(Ok(()))
    }
}

/// What is written at once is a message where the transport has messages.
impl AsyncWrite for RawConnection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_room(cx)).map_err(Error::into_io)?;
        self.push(Bytes::copy_from_slice(bytes))
            .map_err(Error::into_io)?;
        // On its way at once if the socket takes it; a flush waits for that.
        let _ = self.poll_sent(cx).map_err(Error::into_io)?;
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_sent(cx).map_err(Error::into_io)
    }

    /// Closes our side of the transport, behind everything that was written. What the client has sent before it answers can be read.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.end().map_err(Error::into_io)?;
        self.poll_sent(cx).map_err(Error::into_io)
    }
}
