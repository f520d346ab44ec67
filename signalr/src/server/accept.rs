//! What a listener goes through.

use std::{io, time::Duration};

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
