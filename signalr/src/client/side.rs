//! The client's end of a connection.

use std::sync::Arc;

use super::{
    connector::Connected,
    options::Options,
    rt::{Instant, millis},
};
use crate::{
    connection::{Acks, Due, KeepAlive, Limits, Outbox, Side, Signal, control},
    error::Kind,
    protocol::{Control, HubProtocol},
};

/// The queue, the clocks and the limits of one connection; clones share them.
#[derive(Clone)]
pub(super) struct ClientSide {
    outbox: Arc<Outbox>,
    clocks: Arc<KeepAlive>,
    pub(super) options: Arc<Options>,
    begun: Instant,
    /// For a stateful reconnect.
    pub(super) acks: Option<Arc<Acks>>,
}

impl ClientSide {
    pub(super) fn new(options: &Arc<Options>, connected: &Connected) -> Self {
        let clocks = if connected.is_alive_by_itself {
            KeepAlive::inherent(u64::MAX, 0)
        } else {
            let (interval, limit) = (millis(options.keep_alive), millis(options.server_timeout));
            KeepAlive::new(interval, limit, 0)
        };
        Self {
            outbox: Arc::new(Outbox::new(options.send_queue_limit)),
            clocks: Arc::new(clocks),
            options: Arc::clone(options),
            begun: Instant::now(),
            acks: (connected.redial.is_some() && options.stateful_reconnect.is_some())
                .then(Arc::default),
        }
    }

    pub(super) fn queue(&self) -> &Arc<Outbox> {
        &self.outbox
    }

    /// Does what is due now. `stalled`: for how many milliseconds the server has taken nothing of what waits.
    pub(super) fn beat(&self, stalled: Option<u64>) {
        let now = self.now();
        let after = self.options.server_timeout;
        match self.clocks.due(now) {
            Due::TimedOut => {
                let error = Kind::ServerTimeout { after }.into();
                self.outbox.signal(Signal::TimedOut(error));
            }
            _ if stalled.is_some_and(|stalled| stalled >= millis(after)) => {
                let error = Kind::Stalled { after }.into();
                self.outbox.signal(Signal::Stuck(error));
            }
            _ if self.acks.as_ref().is_some_and(|acks| acks.is_due(now)) => self.acknowledge(now),
            Due::Nothing => {}
            Due::Ping => self.ping(),
        }
    }

    fn acknowledge(&self, now: u64) {
        if let Some(acks) = &self.acks {
            let sequence_id = acks.say(now);
            self.clocks.sent(now);
            let ack = Control::Ack { sequence_id };
            self.outbox.push(control(self.options.protocol, &ack));
        }
    }

    pub(super) fn ping(&self) {
        self.clocks.sent(self.now());
        self.outbox
            .push(control(self.options.protocol, &Control::Ping));
    }
}

impl Side for ClientSide {
    fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    fn clocks(&self) -> &KeepAlive {
        &self.clocks
    }

    fn now(&self) -> u64 {
        millis(self.begun.elapsed())
    }

    fn protocol(&self) -> HubProtocol {
        self.options.protocol
    }

    /// Handlers run one after another; servers have no streams to ask for.
    fn limits(&self) -> Limits {
        Limits {
            detailed_errors: false,
            parallel_invocations: 1,
            max_streams: 0,
            max_uploads: 0,
        }
    }
}
