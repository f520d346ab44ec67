//! A socket of our own listener, with TLS or without.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

#[cfg(feature = "http2")]
use tokio::io::AsyncReadExt;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
#[cfg(feature = "rustls")]
use tokio_rustls::server::TlsStream;

use super::halves::Halves;
use crate::packet::DirectWrite;

/// What HTTP/2 begins with: a method that HTTP/1.1 will never have (RFC 9113, sections 3.4 and 11.6).
#[cfg(feature = "http2")]
const PREFACE: [u8; 4] = *b"PRI ";

/// One type for all kinds, so that whoever takes it over from the HTTP server is compiled once. No larger than a `TcpStream`, as idle
/// connections have one each.
pub(crate) enum Socket {
    /// With HTTP/2 a socket begins otherwise.
    #[cfg(not(feature = "http2"))]
    Tcp(TcpStream),
    /// Without HTTP, in clear text.
    Halves(Halves),
    #[cfg(feature = "http2")]
    Begun(Box<Begun>),
    #[cfg(feature = "rustls")]
    Tls(Box<TlsStream<TcpStream>>),
}

/// A socket of which some bytes have been read to find out which HTTP is spoken; the HTTP server reads them once more.
#[cfg(feature = "http2")]
pub(crate) struct Begun {
    socket: TcpStream,
    /// A place for most requests' heads, so that nothing is read in two pieces that came in one.
    bytes: [u8; FIRST_READ],
    read: usize,
    taken: usize,
}

#[cfg(feature = "http2")]
const FIRST_READ: usize = 1024;

impl Socket {
    /// The same once HTTP is over, when nothing is to be read twice any more.
    pub(crate) fn settled(self) -> Self {
        match self {
            #[cfg(not(feature = "http2"))]
            Self::Tcp(socket) => Self::Halves(Halves::new(socket)),
            #[cfg(feature = "http2")]
            Self::Begun(begun) if begun.taken == begun.read => {
                Self::Halves(Halves::new(begun.socket))
            }
            settled => settled,
        }
    }

    /// A way to write that is not this socket itself.
    pub(crate) fn direct(&self) -> Option<Arc<dyn DirectWrite>> {
        match self {
            Self::Halves(halves) => Some(halves.direct()),
            _ => None,
        }
    }
}

#[cfg(feature = "http2")]
impl Begun {
    pub(crate) fn new(socket: TcpStream) -> Self {
        Self {
            socket,
            bytes: [0; FIRST_READ],
            read: 0,
            taken: 0,
        }
    }

    /// Whether the client begins as HTTP/2 does; waits for as many bytes as that takes.
    ///
    /// # Errors
    /// The socket cannot be read.
    pub(crate) async fn is_http2(&mut self) -> io::Result<bool> {
        loop {
            let have = self.read.min(PREFACE.len());
            let fits = self.bytes[..have] == PREFACE[..have];
            if !fits || have == PREFACE.len() {
                return Ok(fits);
            }
            let more = self.socket.read(&mut self.bytes[self.read..]).await?;
            if more == 0 {
                return Ok(false);
            }
            self.read += more;
        }
    }

    /// What was read already, as long as there is some.
    fn read_again(&mut self, into: &mut ReadBuf<'_>) -> bool {
        let rest = &self.bytes[self.taken..self.read];
        let fits = rest.len().min(into.remaining());
        into.put_slice(&rest[..fits]);
        self.taken += fits;
        fits > 0
    }
}

/// Passes a call on to whichever socket it is.
macro_rules! pass_on {
    ($self:ident, $socket:ident => $call:expr) => {
        match $self.get_mut() {
            #[cfg(not(feature = "http2"))]
            Socket::Tcp($socket) => $call,
            Socket::Halves($socket) => $call,
            #[cfg(feature = "http2")]
            Socket::Begun(begun) => {
                let $socket = &mut begun.socket;
                $call
            }
            #[cfg(feature = "rustls")]
            Socket::Tls($socket) => $call,
        }
    };
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        #[cfg(feature = "http2")]
        let this = {
            let mut this = self;
            if let Self::Begun(begun) = &mut *this
                && begun.read_again(into)
            {
                return Poll::Ready(Ok(()));
            }
            this
        };
        #[cfg(not(feature = "http2"))]
        let this = self;
        pass_on!(this, socket => Pin::new(socket).poll_read(cx, into))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        pass_on!(self, socket => Pin::new(socket).poll_write(cx, bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        pass_on!(self, socket => Pin::new(socket).poll_write_vectored(cx, slices))
    }

    fn is_write_vectored(&self) -> bool {
        // So is TLS, which seals the slices together.
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        pass_on!(self, socket => Pin::new(socket).poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        pass_on!(self, socket => Pin::new(socket).poll_shutdown(cx))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_in_clear_text_does_not_pay_for_the_others() {
        assert!(size_of::<Socket>() <= size_of::<TcpStream>());
    }
}
