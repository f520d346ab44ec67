//! One socket of our own listener, from its first byte until it ends or an upgrade takes it away.

use std::{
    convert::Infallible, future::Future, io, net::SocketAddr, pin::Pin, pin::pin, sync::Arc,
};

use futures_util::future::{Either, select};
use http::Extensions;
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
#[cfg(any(feature = "http2", feature = "rustls"))]
use tokio::time::timeout;
use tokio::{net::TcpStream, sync::watch};

use super::listen::{BUFFER, HEAD_TIMEOUT, Server};
#[cfg(feature = "rustls")]
use super::{PeerCertificates, Tls};
#[cfg(feature = "http2")]
use crate::endpoint::Begun;
#[cfg(feature = "rustls")]
use crate::endpoint::OverTls;
use crate::endpoint::{LocalAddr, PeerAddr, Socket};

/// A client must have agreed on TLS within this time; Kestrel's.
#[cfg(feature = "rustls")]
const HANDSHAKE_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(10);

/// What all requests of one socket have in common.
#[derive(Clone)]
pub(super) struct Ends {
    peer: PeerAddr,
    local: Option<LocalAddr>,
    #[cfg(feature = "rustls")]
    tls: Option<(OverTls, Option<PeerCertificates>)>,
}

impl Ends {
    /// Lets a hub know.
    pub(super) fn tell(&self, request: &mut Extensions) {
        request.insert(self.peer);
        if let Some(local) = self.local {
            request.insert(local);
        }
        #[cfg(feature = "rustls")]
        if let Some((over_tls, certificates)) = &self.tls {
            request.insert(*over_tls);
            if let Some(certificates) = certificates {
                request.insert(certificates.clone());
            }
        }
    }
}

/// The HTTP that a client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    One,
    #[cfg(feature = "http2")]
    Two,
}

/// Serves the requests of one socket between `peer` and, if that is known already, `local`; an upgrade of HTTP/1.1 takes the socket away.
pub(super) async fn serve(
    server: Arc<Server>,
    socket: TcpStream,
    (peer, local): (SocketAddr, Option<SocketAddr>),
    mut stopping: watch::Receiver<bool>,
) {
    if let Err(error) = socket.set_nodelay(true) {
        tracing::debug!(%error, "cannot switch Nagle's algorithm off");
    }
    let mut stop = pin!(async { stopping.wait_for(|stopping| *stopping).await.is_ok() });
    let ends = Ends {
        peer: PeerAddr(peer),
        local: local.or_else(|| socket.local_addr().ok()).map(LocalAddr),
        #[cfg(feature = "rustls")]
        tls: None,
    };
    let begin = async {
        #[cfg(feature = "rustls")]
        if let Some(tls) = &server.tls {
            return secure(tls, socket, ends).await;
        }
        clear(socket, ends).await
    };
    // Who has not come to a first request by the server's end is not waited for.
    let begun = match select(pin!(begin), stop.as_mut()).await {
        Either::Left((begun, _)) => begun,
        Either::Right(_) => return,
    };
    let result = match begun {
        Ok((socket, ends, Version::One)) => http1(&server, socket, &ends, stop).await,
        #[cfg(feature = "http2")]
        Ok((socket, ends, Version::Two)) => {
            Box::pin(super::http2::serve(server, socket, ends, stop)).await
        }
        Err(error) => return tracing::debug!(%error, %peer, "no HTTP connection"),
    };
    if let Err(error) = result {
        tracing::debug!(%error, "HTTP connection failed");
    }
}

/// Agrees on TLS, and within it on what is spoken.
#[cfg(feature = "rustls")]
async fn secure(tls: &Tls, socket: TcpStream, ends: Ends) -> io::Result<(Socket, Ends, Version)> {
    // Boxed, as the far smaller state of connections in clear text has its place beside it.
    let handshake = Box::pin(tls.acceptor().accept(socket));
    let socket = Box::new(timeout(HANDSHAKE_TIMEOUT, handshake).await??);
    let (_, session) = socket.get_ref();
    let certificates = session.peer_certificates();
    let certificates = certificates.map(|chain| PeerCertificates(chain.into()));
    let tls = Some((OverTls, certificates));
    let version = match session.alpn_protocol() {
        #[cfg(feature = "http2")]
        Some(b"h2") => Version::Two,
        _ => Version::One,
    };
    Ok((Socket::Tls(socket), Ends { tls, ..ends }, version))
}

/// Without TLS, HTTP/2 is spoken by those who know of it.
#[cfg(feature = "http2")]
async fn clear(socket: TcpStream, ends: Ends) -> io::Result<(Socket, Ends, Version)> {
    let mut begun = Box::new(Begun::new(socket));
    let is_http2 = timeout(HEAD_TIMEOUT, begun.is_http2()).await??;
    let version = if is_http2 { Version::Two } else { Version::One };
    Ok((Socket::Begun(begun), ends, version))
}

#[cfg(not(feature = "http2"))]
async fn clear(socket: TcpStream, ends: Ends) -> io::Result<(Socket, Ends, Version)> {
    Ok((Socket::Tcp(socket), ends, Version::One))
}

async fn http1(
    server: &Server,
    socket: Socket,
    ends: &Ends,
    stop: Pin<&mut impl Future<Output = bool>>,
) -> hyper::Result<()> {
    let service =
        service_fn(
            |request| async move { Ok::<_, Infallible>(server.respond(request, ends).await) },
        );
    let mut served = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            .max_buf_size(BUFFER)
            .serve_connection(TokioIo::new(socket), service)
            .with_upgrades()
    );
    match select(served.as_mut(), stop).await {
        Either::Left((result, _)) => result,
        Either::Right(_) => {
            served.as_mut().graceful_shutdown();
            served.await
        }
    }
}
