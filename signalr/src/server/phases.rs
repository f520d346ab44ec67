//! The phases around a connection's run: the handshake, `on_connected`, and the end.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::{Arc, atomic::Ordering::Relaxed},
    task::{Context as TaskContext, Poll},
    time::Duration,
};

use futures_util::FutureExt;
use tracing::Instrument;

use super::{callee::ServerSide, connection::Agreed, options::Options, session::unregister, trace};
use crate::{
    connection::{Acks, CloseMessage, Pump, Replay, Taken, control},
    endpoint::{Attached, Identity, millis},
    error::Error,
    hub::{Connecting, Context, Hub, Link},
    hub_error::HubError,
    packet::Packet,
    protocol::{
        Control,
        handshake::{self, Refusal, Spoken},
    },
    transport::{Ending, Read, Transport},
};

impl<T: Transport> Pump<T, ServerSide> {
    /// Reads the handshake request and accepts it. `Ok(false)`: the peer has left before it was complete.
    pub(super) async fn handshake(&mut self) -> Result<bool, Refusal> {
        std::future::poll_fn(|cx| self.poll_handshake(cx)).await
    }

    fn poll_handshake(&mut self, cx: &mut TaskContext<'_>) -> Poll<Result<bool, Refusal>> {
        let canceled = || Refusal(handshake::CANCELED.to_owned());
        loop {
            // The heartbeat signals when time is up.
            if let Taken::Signal(_) = self.side.connection.outbox.take(cx, true, |_| {}) {
                return Poll::Ready(Err(canceled()));
            }
            match self.inbound.next_text() {
                Ok(Some(frame)) => {
                    let Options {
                        protocols,
                        detailed_errors,
                        ..
                    } = self.side.core.options();
                    let agreed = handshake::accept(
                        frame,
                        protocols,
                        self.transport.is_binary(),
                        *detailed_errors,
                    )?;
                    self.accept(agreed)?;
                    return Poll::Ready(Ok(true));
                }
                Ok(None) => {}
                Err(_) => return Poll::Ready(Err(canceled())),
            }
            match self.transport.poll_read(cx, self.inbound.space()) {
                Poll::Ready(Ok(Read::Data)) => {}
                Poll::Ready(Ok(Read::End) | Err(_)) => return Poll::Ready(Ok(false)),
                // A transport may owe an answer of its own, such as a pong.
                Poll::Pending => {
                    return match self.transport.poll_flush(cx) {
                        Poll::Ready(Err(_)) => Poll::Ready(Ok(false)),
                        _ => Poll::Pending,
                    };
                }
            }
        }
    }

    /// Fixes what was agreed, and queues the answer.
    ///
    /// # Errors
    /// The application's `user_id` panicked; that costs this connection.
    fn accept(&mut self, Spoken { protocol, repeats }: Spoken) -> Result<(), Refusal> {
        let request = Attached::request(&*self.side.connection);
        let user = catch_unwind(AssertUnwindSafe(|| match &self.side.core.user_id {
            Some(user_id) => request.look(user_id).map(Into::into),
            None => Identity::of(request.extensions())?
                .user_id()
                .map(Into::into),
        }));
        let user = user.map_err(|_| Refusal(handshake::UNEXPECTED.to_owned()))?;
        // An older version switches the feature off for good, whatever was negotiated.
        let acks = self.transport.keep(repeats).then(Arc::<Acks>::default);
        let acks = acks.filter(|_| repeats);
        let limit = self.side.core.options().stateful_reconnect_buffer;
        self.replay = acks.as_ref().map(|acks| Box::new(Replay::new(limit, acks)));
        let agreed = Agreed {
            protocol,
            user,
            acks,
        };
        let agreed = self.side.connection.agreed.set(agreed);
        debug_assert!(agreed.is_ok(), "a handshake happens once");
        let now = self.side.core.now();
        self.side.connection.clocks.sent(now);
        self.side.connection.clocks.received(now);
        // Queued before the registry knows the connection: nothing can come in front of it.
        self.side
            .connection
            .outbox
            .push(raw(protocol.is_binary(), handshake::ACCEPTED));
        Ok(())
    }

    /// Refuses a handshake: a text, no Close message, and the end.
    pub(super) async fn refuse(&mut self, refusal: &Refusal) {
        let mut bytes = Vec::new();
        refusal.write(&mut bytes);
        self.transport.push(raw(false, &bytes));
        self.close(None, Ending::Normal).await;
    }

    /// Runs `on_connected`. Messages that the client sends meanwhile wait; those to the client go out.
    pub(super) async fn connect<H: Hub>(
        &mut self,
        connecting: Connecting<H>,
    ) -> Result<Context<H>, HubError> {
        let core = Arc::clone(&self.side.core);
        let connection = Arc::clone(&self.side.connection);
        connection.clocks.set_deaf(true, core.now());
        let connect = async {
            let user = connection.user_id();
            connection.announced.store(true, Relaxed);
            core.backplane.connected(connection.id(), user).await?;
            let span = trace::connected(H::NAME);
            let connected = connecting.connect().instrument(span.clone()).await;
            connected.inspect_err(|error| error.record_in(&span))
        };
        let connect = AssertUnwindSafe(connect).catch_unwind();
        let result = self.drive(Box::pin(connect)).await;
        connection.clocks.set_deaf(false, core.now());
        result.unwrap_or_else(|_| Err(HubError::private("panic", "on_connected panicked")))
    }

    /// Drives a future of the hub and writes what it sends.
    async fn drive<R>(&mut self, mut future: Pin<Box<impl Future<Output = R>>>) -> R {
        std::future::poll_fn(|cx| {
            let result = future.as_mut().poll(cx);
            // A transport that fails here fails again when the connection runs; `on_connected` is never cut short.
            self.poll_write(cx, true, false).ok();
            result
        })
        .await
    }

    /// Says goodbye, runs `on_disconnected`, and closes the transport meanwhile.
    pub(super) async fn finish<H: Hub>(
        &mut self,
        cx: Context<H>,
        close: Option<CloseMessage>,
        reason: Option<Error>,
    ) {
        tracing::debug!(hub = H::NAME, connection = %cx.connection_id(), ?reason, "connection ends");
        let ending = match &reason {
            Some(reason) if close.is_none() && reason.is_protocol() => Ending::Violation,
            _ => Ending::Normal,
        };
        self.leave();
        let (core, connection) = (
            Arc::clone(&self.side.core),
            Arc::clone(&self.side.connection),
        );
        let disconnect = async move {
            let disconnected = cx
                .disconnect(reason)
                .instrument(trace::disconnected(H::NAME));
            let disconnected = AssertUnwindSafe(disconnected).catch_unwind().await;
            match disconnected {
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    tracing::error!(hub = H::NAME, ?error, "no hub for on_disconnected");
                }
                Err(_) => tracing::error!(hub = H::NAME, "on_disconnected panicked"),
            }
            unregister(&core, &connection).await;
        };
        futures_util::future::join(disconnect, self.close(close, ending)).await;
    }

    /// From here on sends to this connection vanish, and calls that wait for it fail.
    pub(super) fn leave(&mut self) {
        let transport = &mut self.transport;
        let held = self.replay.take().map(|replay| replay.into_held());
        held.into_iter()
            .flatten()
            .for_each(|packet| transport.push(packet));
        self.side
            .connection
            .outbox
            .drain(|packet| transport.push(packet));
        self.side.core.abandon_calls(self.side.connection.id());
    }

    /// Writes the Close message behind everything queued, and ends the transport within the close time-out.
    pub(super) async fn close(&mut self, close: Option<CloseMessage>, ending: Ending) {
        if let Some(CloseMessage {
            error,
            allow_reconnect,
        }) = close
        {
            let protocol = self.side.connection.protocol();
            let error = error.as_deref();
            let message = Control::Close {
                error,
                allow_reconnect,
            };
            self.transport.push(control(protocol, &message));
        }
        self.transport.close(ending);
        let options = self.side.core.options();
        let stuck = self.side.connection.outbox.stuck_for(self.side.core.now());
        // A peer that takes nothing has been waited for long enough.
        let limit = match stuck {
            Some(stuck) if stuck >= millis(options.http.send_timeout) => Duration::ZERO,
            _ if self.transport.is_polled() => options.http.disconnect_timeout,
            _ => options.http.close_timeout,
        };
        let closed = std::future::poll_fn(|cx| self.transport.poll_closed(cx));
        if tokio::time::timeout(limit, closed).await.is_err() {
            tracing::debug!("the peer did not close in time");
        }
    }
}

fn raw(binary: bool, bytes: &[u8]) -> Packet {
    Packet::control(binary, |out| out.extend_from_slice(bytes))
}
