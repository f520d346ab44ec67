//! Metrics under ASP.NET Core's names (server reference, section 18.1), through the facade of the `metrics` crate.

use std::{sync::Arc, time::Instant};

use metrics::{Unit, describe_gauge, describe_histogram, gauge, histogram};

use super::front::{Attached, Front};
use crate::connection::HttpTransportType;

const ACTIVE: &str = "signalr.server.active_connections";
const DURATION: &str = "signalr.server.connection.duration";
const TRANSPORT: &str = "signalr.transport";
const STATUS: &str = "signalr.connection.status";

/// A connection while it counts: from the choice of its transport to its end. Byte streams without HTTP do not count, as there.
pub(crate) struct Counted<C: Attached> {
    front: Arc<Front<C>>,
    connection: Arc<C>,
    transport: &'static str,
    since: Instant,
}

impl<C: Attached> Counted<C> {
    pub(crate) fn new(front: &Arc<Front<C>>, connection: &Arc<C>) -> Option<Self> {
        let transport = match connection.via().transport()? {
            HttpTransportType::WebSockets => "web_sockets",
            HttpTransportType::ServerSentEvents => "server_sent_events",
            HttpTransportType::LongPolling => "long_polling",
        };
        describe_gauge!(
            ACTIVE,
            Unit::Count,
            "Connections that are open on the server."
        );
        describe_histogram!(
            DURATION,
            Unit::Seconds,
            "How long connections on the server last."
        );
        gauge!(ACTIVE, TRANSPORT => transport).increment(1.0);
        Some(Self {
            front: Arc::clone(front),
            connection: Arc::clone(connection),
            transport,
            since: Instant::now(),
        })
    }
}

impl<C: Attached> Drop for Counted<C> {
    fn drop(&mut self) {
        let transport = self.transport;
        let status = if self.connection.has_timed_out() {
            "timeout"
        } else if self.front.sessions.is_closing() {
            "app_shutdown"
        } else {
            "normal_closure"
        };
        gauge!(ACTIVE, TRANSPORT => transport).decrement(1.0);
        let seconds = self.since.elapsed().as_secs_f64();
        histogram!(DURATION, TRANSPORT => transport, STATUS => status).record(seconds);
    }
}
