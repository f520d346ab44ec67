//! An endpoint and its connections, whatever they are for.

use std::{
    future::Future,
    sync::{Arc, OnceLock},
    time::Duration,
};

use http::request::Parts;
use serde_json::value::RawValue;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{
    beat::Heart,
    identity::Expiry,
    options::HttpOptions,
    request::Opening,
    sessions::{Refused, Sessions},
    token,
    via::Via,
};
use crate::{
    connection::ConnectionId,
    transport::{Transport, inlet::Inlet, tcp::Raw},
};

/// What connections are handed to: a hub, or a handler of raw connections.
pub(crate) trait Endpoint: Send + Sync + Sized + 'static {
    type Connection: Attached;

    fn front(&self) -> &Arc<Front<Self::Connection>>;

    /// A connection whose transport opens at this moment of the shared clock.
    fn connection(
        &self,
        id: ConnectionId,
        request: Opening,
        via: Via,
        now: u64,
    ) -> Self::Connection;

    /// Runs a connection until it ends.
    fn run<T: Transport>(
        opened: Opened<Self>,
        transport: T,
    ) -> impl Future<Output = ()> + Send + 'static;

    /// Nobody may find the connection any more: its task ends, or has never begun.
    fn forget(&self, connection: &Self::Connection);

    fn options(&self) -> &HttpOptions {
        self.front().options.as_ref()
    }

    /// Makes a connection on the spot, whose token is its id; `None` while the server shuts down.
    fn open(self: &Arc<Self>, token: String, request: Opening, via: Via) -> Option<Opened<Self>> {
        let connection = self.make(token.as_str().into(), request, via);
        let token: Arc<str> = token.into();
        let is_open = self.front().sessions.open(&token, &connection);
        is_open.then(|| Opened {
            endpoint: Arc::clone(self),
            token,
            connection,
        })
    }

    /// Opens a negotiated connection. `make` gets what was posted to it so far, and whether a stateful reconnect was negotiated, and
    /// may say no.
    fn attach<T>(
        self: &Arc<Self>,
        token: &str,
        request: Opening,
        make: impl FnOnce(Arc<Inlet>, bool) -> Option<(Via, T)>,
    ) -> Result<(Opened<Self>, T), Refused> {
        let attached = self.front().sessions.attach(token, |id, inlet, stateful| {
            let (via, with) = make(inlet, stateful)?;
            Some((self.make(id, request, via), with))
        });
        let (token, connection, with) = attached?;
        let opened = Opened {
            endpoint: Arc::clone(self),
            token,
            connection,
        };
        Ok((opened, with))
    }

    /// Keeps the heartbeat going for it, too.
    fn make(&self, id: ConnectionId, request: Opening, via: Via) -> Arc<Self::Connection> {
        let front = self.front();
        front.keep_beating();
        let now = front.now();
        let connection = self.connection(id, request, via, now);
        connection
            .expiry()
            .renew(connection.request().extensions(), now);
        Arc::new(connection)
    }

    /// Serves one client over a byte stream without HTTP, until the connection ends.
    fn serve_stream<S>(self: &Arc<Self>, request: Parts, io: S) -> impl Future<Output = ()> + Send
    where
        S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    {
        let opened = self.open(token::generate(), Opening::new(request), Via::Stream);
        async move {
            if let Some(opened) = opened {
                Self::run(opened, Raw::new(io)).await;
            }
        }
    }
}

/// A connection, as its endpoint sees it.
pub(crate) trait Attached: Send + Sync + 'static {
    type Options: AsRef<HttpOptions> + Send + Sync;
    /// What the heartbeat finds to do.
    type Beat;

    fn request(&self) -> &Opening;

    fn via(&self) -> &Via;

    fn expiry(&self) -> &Expiry;

    /// One look of the shared heartbeat.
    fn due(&self, now: u64, options: &Self::Options) -> Option<Self::Beat>;

    /// Does what is due.
    fn beat(&self, beat: Self::Beat, now: u64, options: &Self::Options);

    /// The client stopped polling without a word.
    #[cfg(feature = "metrics")]
    fn has_timed_out(&self) -> bool;

    /// The server shuts down: end as soon as that can be done in order.
    fn say_goodbye(&self);

    /// End at once.
    fn kill(&self);
}

/// The connections of an endpoint.
pub(crate) struct Front<C: Attached> {
    pub(crate) options: C::Options,
    pub(super) sessions: Sessions<C>,
    /// The list of transports in the answer to a negotiation.
    pub(super) offers: OnceLock<Box<RawValue>>,
    pub(super) heart: Heart,
    /// Cancelled when the server shuts down: listeners stop.
    pub(crate) stopping: CancellationToken,
    /// Rings when the last connection has gone.
    all_gone: Notify,
}

impl<C: Attached> Front<C> {
    pub(crate) fn new(options: C::Options, heartbeat: Duration) -> Self {
        Self {
            options,
            sessions: Sessions::default(),
            offers: OnceLock::new(),
            heart: Heart::new(heartbeat),
            stopping: CancellationToken::new(),
            all_gone: Notify::new(),
        }
    }

    /// Milliseconds on the clock, which moves with the heartbeat.
    pub(crate) fn now(&self) -> u64 {
        self.heart.now()
    }

    /// How many connections are negotiated and how many open.
    pub(crate) fn counts(&self) -> (usize, usize) {
        self.sessions.counts()
    }

    fn close(&self, token: &str) {
        self.sessions.close(token);
        if self.counts().1 == 0 {
            self.all_gone.notify_waiters();
        }
    }

    /// Completes when no connection is open.
    pub(crate) async fn closed(&self) {
        loop {
            let all_gone = self.all_gone.notified();
            tokio::pin!(all_gone);
            all_gone.as_mut().enable();
            if self.counts().1 == 0 {
                return;
            }
            all_gone.await;
        }
    }

    /// Says goodbye to every client, waits up to `drain`, then stops what is left.
    pub(crate) async fn shutdown(&self, drain: Duration) {
        let open = self.sessions.shut();
        self.stopping.cancel();
        for connection in &open {
            connection.say_goodbye();
            connection.via().last_call();
        }
        if tokio::time::timeout(drain, self.closed()).await.is_ok() {
            return;
        }
        for connection in &self.sessions.shut() {
            connection.kill();
        }
        self.closed().await;
    }
}

/// An open connection; forgotten when this is dropped, even if its task is aborted or never begins.
pub(crate) struct Opened<E: Endpoint> {
    pub(crate) endpoint: Arc<E>,
    token: Arc<str>,
    pub(crate) connection: Arc<E::Connection>,
}

impl<E: Endpoint> Drop for Opened<E> {
    fn drop(&mut self) {
        self.endpoint.forget(&self.connection);
        self.endpoint.front().close(&self.token);
    }
}
