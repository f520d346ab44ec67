//! What a listener goes through.

use std::{io, net::SocketAddr, time::Duration};

use tokio::net::{TcpListener, TcpSocket, ToSocketAddrs, lookup_host};

/// Clients that may wait to be accepted, where the system lets so many (on Linux `net.core.somaxconn`). When a server comes back all of
/// them come at once; who finds no place is reset, or tries again after seconds. Of tokio's own listeners it is 128.
const BACKLOG: u32 = 4096;

/// How long to rest when the system has no socket to give.
const REST: Duration = Duration::from_millis(50);

/// Gets over a socket that could not be accepted, so that the next one can be tried.
pub(super) async fn endure(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    if let ConnectionAborted | ConnectionRefused | ConnectionReset = error.kind() {
        // One client's own affair.
        return;
    }
    // Out of file descriptors or memory: connections that end will make room.
    tracing::warn!(%error, "cannot accept connections");
    tokio::time::sleep(REST).await;
}

/// Listens at the first address that can be had.
///
/// # Errors
/// There is none.
pub(super) async fn listen(addr: impl ToSocketAddrs) -> io::Result<TcpListener> {
    let mut failed = io::Error::new(io::ErrorKind::InvalidInput, "no address to listen at");
    for addr in lookup_host(addr).await? {
        match listen_at(addr) {
            Ok(listener) => return Ok(listener),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

fn listen_at(addr: SocketAddr) -> io::Result<TcpListener> {
    let socket = if addr.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    // Elsewhere than on Windows: a server that starts again need not wait for old connections to be forgotten.
    #[cfg(not(windows))]
    socket.set_reuseaddr(true)?;
    socket.bind(addr)?;
    socket.listen(BACKLOG)
}
