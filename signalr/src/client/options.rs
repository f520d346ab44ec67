//! What a client's connection is set to.

use std::{sync::Arc, time::Duration};

use super::retry::RetryPolicy;
use crate::protocol::HubProtocol;

/// Bytes of what is kept for a stateful reconnect, as official clients have it.
pub(super) const STATEFUL_RECONNECT_BUFFER: usize = 100_000;

/// The settings of one connection; they never change.
pub(super) struct Options {
    pub(super) protocol: HubProtocol,
    pub(super) server_timeout: Duration,
    pub(super) keep_alive: Duration,
    pub(super) handshake_timeout: Duration,
    pub(super) close_timeout: Duration,
    /// Bytes of one hub message; `None`: any number.
    pub(super) max_receive_size: Option<usize>,
    /// Bytes that wait to be sent before senders wait.
    pub(super) send_queue_limit: usize,
    /// Items of a stream that wait to be read.
    pub(super) stream_buffer: usize,
    /// Bytes that were sent and are not acknowledged; `None`: no stateful reconnect.
    pub(super) stateful_reconnect: Option<usize>,
    pub(super) retry: Option<Arc<dyn RetryPolicy>>,
    /// Whether the policy holds for [`start`](super::HubConnection::start) too.
    pub(super) retry_start: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            protocol: HubProtocol::Json,
            server_timeout: Duration::from_secs(30),
            keep_alive: Duration::from_secs(15),
            handshake_timeout: Duration::from_secs(15),
            close_timeout: Duration::from_secs(5),
            max_receive_size: Some(16 * 1024 * 1024),
            send_queue_limit: 1024 * 1024,
            stream_buffer: 64,
            stateful_reconnect: None,
            retry: None,
            retry_start: false,
        }
    }
}
