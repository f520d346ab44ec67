//! One connection, as the rest of the server holds it.

use std::{
    collections::HashSet,
    net::SocketAddr,
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
};

use super::options::Options;
use crate::{
    connection::{Acks, BoxFuture, Due, KeepAlive, Outbox, Signal, control},
    endpoint::{Attached, Expiry, Kill, Opening, Via, millis},
    error::Kind,
    hub::{ConnectionId, HttpTransportType, Items, Link},
    packet::{Draft, Packet},
    protocol::{Control, HubProtocol},
    transport::polls::Tick,
};
use http::request::Parts;

/// A connection from its attachment to its end; shared by its task, the registry and the contexts of its calls.
#[repr(C)] // What each send looks at comes first.
pub(super) struct Connection {
    pub(super) outbox: Outbox,
    /// Fixed by the handshake.
    pub(super) agreed: OnceLock<Agreed>,
    pub(super) clocks: KeepAlive,
    /// Unique in this process, for sets of connections.
    pub(super) key: u64,
    id: ConnectionId,
    request: Opening,
    via: Via,
    expiry: Expiry,
    items: Items,
    pub(super) membership: Mutex<Membership>,
    /// The backplane knows it.
    pub(super) announced: AtomicBool,
    /// The client has stopped polling without a word.
    pub(super) left_unseen: AtomicBool,
    /// Stops the connection's task at a shutdown deadline, wherever it is.
    pub(super) killed: Kill,
    started_at: u64,
}

/// What the heartbeat finds to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beat {
    Ping,
    /// What has come is to be acknowledged.
    Ack,
    NoHandshake,
    TimedOut,
    Stuck,
    /// The client has gone.
    Left,
    /// Who the client is was known until now.
    Expired,
}

/// What the handshake has settled.
#[derive(Debug)]
pub(super) struct Agreed {
    pub(super) protocol: HubProtocol,
    pub(super) user: Option<Arc<str>>,
    /// For a stateful reconnect.
    pub(super) acks: Option<Arc<Acks>>,
}

/// The groups of one connection, so that leaving costs no more than having joined.
#[derive(Debug, Default)]
pub(super) struct Membership {
    #[expect(
        clippy::box_collection,
        reason = "most connections are in none, and an empty set takes 48 bytes"
    )]
    pub(super) groups: Option<Box<HashSet<Arc<str>>>>,
    /// Gone: a join that comes late must not leave a member behind.
    pub(super) closed: bool,
}

impl Connection {
    pub(super) fn new(
        id: ConnectionId,
        request: Opening,
        via: Via,
        options: &Options,
        now: u64,
    ) -> Self {
        static NEXT_KEY: AtomicU64 = AtomicU64::new(0);
        let timeout = millis(options.client_timeout);
        let clocks = match via {
            Via::LongPolling { .. } => KeepAlive::inherent(timeout, now),
            _ => KeepAlive::new(millis(options.keep_alive), timeout, now),
        };
        Self {
            key: NEXT_KEY.fetch_add(1, Relaxed),
            id,
            request,
            via,
            expiry: Expiry::never(),
            items: Items::default(),
            outbox: Outbox::new(options.http.send_queue_limit),
            clocks,
            agreed: OnceLock::new(),
            membership: Mutex::default(),
            announced: AtomicBool::new(false),
            left_unseen: AtomicBool::new(false),
            killed: Kill::default(),
            started_at: now,
        }
    }

    pub(super) fn user(&self) -> Option<&Arc<str>> {
        self.agreed.get()?.user.as_ref()
    }
}

impl Attached for Connection {
    type Options = Options;
    type Beat = Beat;

    fn request(&self) -> &Opening {
        &self.request
    }

    fn expiry(&self) -> &Expiry {
        &self.expiry
    }

    fn via(&self) -> &Via {
        &self.via
    }

    fn due(&self, now: u64, options: &Options) -> Option<Beat> {
        match self.via.tick(&options.http) {
            Tick::Fine => {}
            Tick::Left => return Some(Beat::Left),
            Tick::Stuck => return Some(Beat::Stuck),
        }
        let stuck = self.outbox.stuck_for(now);
        if stuck.is_some_and(|stuck| stuck >= millis(options.http.send_timeout)) {
            return Some(Beat::Stuck);
        }
        let Some(agreed) = self.agreed.get() else {
            let waiting = now.saturating_sub(self.started_at);
            return (waiting > millis(options.handshake_timeout)).then_some(Beat::NoHandshake);
        };
        if options.http.close_on_expiration && self.expiry.is_over(now) {
            return Some(Beat::Expired);
        }
        if self.outbox.was_written_directly() {
            self.clocks.sent(now);
        }
        match self.clocks.due(now) {
            Due::TimedOut => Some(Beat::TimedOut),
            _ if agreed.acks.as_ref().is_some_and(|acks| acks.is_due(now)) => Some(Beat::Ack),
            // Behind what the peer does not take, a ping would only queue up; not so where it takes, but acknowledges nothing.
            Due::Ping if stuck.is_none() || agreed.acks.is_some() => Some(Beat::Ping),
            Due::Ping | Due::Nothing => None,
        }
    }

    fn beat(&self, beat: Beat, now: u64, options: &Options) {
        match beat {
            Beat::Ping => {
                self.clocks.sent(now);
                self.outbox.push(ping(self.protocol()));
            }
            Beat::Ack => {
                let acks = self.agreed.get().and_then(|agreed| agreed.acks.as_ref());
                if let Some(acks) = acks {
                    let sequence_id = acks.say(now);
                    self.clocks.sent(now);
                    let ack = control(self.protocol(), &Control::Ack { sequence_id });
                    self.outbox.push(ack);
                }
            }
            Beat::NoHandshake => self.outbox.signal(Signal::Abort),
            Beat::TimedOut => {
                let error = Kind::ClientTimeout.into();
                self.outbox.signal(Signal::TimedOut(error));
            }
            Beat::Stuck => {
                let after = options.http.send_timeout;
                let error = Kind::SendTimeout { after }.into();
                self.outbox.signal(Signal::Stuck(error));
                self.via.cut_off();
            }
            Beat::Expired => {
                self.expiry.forget();
                self.close(None, true);
            }
            Beat::Left => {
                self.left_unseen.store(true, Relaxed);
                self.via.leave();
                self.close(None, true);
            }
        }
    }

    #[cfg(feature = "metrics")]
    fn has_timed_out(&self) -> bool {
        self.left_unseen.load(Relaxed)
    }

    fn say_goodbye(&self) {
        self.close(None, true);
    }

    fn kill(&self) {
        self.killed.kill();
    }
}

/// The same ping for everybody.
fn ping(protocol: HubProtocol) -> Packet {
    static PINGS: [OnceLock<Packet>; HubProtocol::ALL.len()] =
        [const { OnceLock::new() }; HubProtocol::ALL.len()];
    PINGS[protocol.index()]
        .get_or_init(|| control(protocol, &Control::Ping))
        .clone()
}

impl Link for Connection {
    fn id(&self) -> &ConnectionId {
        &self.id
    }

    fn user_id(&self) -> Option<&str> {
        self.user().map(AsRef::as_ref)
    }

    fn request(&self) -> &Parts {
        self.request.parts()
    }

    fn query(&self, name: &str) -> Option<String> {
        self.request.query(name)
    }

    fn cookie(&self, name: &str) -> Option<&str> {
        self.request.cookie(name)
    }

    fn transport(&self) -> Option<HttpTransportType> {
        self.via.transport()
    }

    fn peer_addr(&self) -> Option<SocketAddr> {
        self.request.peer()
    }

    fn local_addr(&self) -> Option<SocketAddr> {
        self.request.local()
    }

    fn items(&self) -> &Items {
        &self.items
    }

    fn protocol(&self) -> HubProtocol {
        let agreed = self.agreed.get();
        agreed.map_or(HubProtocol::Json, |agreed| agreed.protocol)
    }

    fn write(&self, draft: Draft) {
        self.outbox.append(draft);
    }

    fn write_item(&self, draft: Draft) -> Option<BoxFuture<()>> {
        let turn = self.outbox.append_item(draft)?;
        Some(Box::pin(async move { drop(turn.await) }))
    }

    fn close(&self, error: Option<String>, allow_reconnect: bool) {
        self.outbox.signal(Signal::Close {
            error,
            allow_reconnect,
        });
    }

    fn abort(&self) {
        self.outbox.signal(Signal::Abort);
    }

    fn is_aborted(&self) -> bool {
        self.outbox.is_ended()
    }

    fn aborted(self: Arc<Self>) -> BoxFuture<()> {
        Box::pin(async move { self.outbox.ended().await })
    }
}
