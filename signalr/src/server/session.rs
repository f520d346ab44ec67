//! One connection's task: it reads, dispatches and writes, from the handshake to the end.

use std::{
    pin::pin,
    sync::{Arc, atomic::Ordering::Relaxed},
    task::{Context as TaskContext, Poll},
};

use tracing::{Instrument, Span};

use super::{
    callee::{HubCallee, ServerSide},
    connection::Connection,
    core::Core,
    hub_server::Shared,
};
use crate::{
    connection::{CLOSED_WITH_ERROR, CloseMessage, End, Incoming, Pump},
    endpoint::Opened,
    hub::{Connecting, ConnectionId, ConnectionParts, Context, Hub, Lifetime, Link},
    protocol::framing::FrameBuffer,
    transport::{Ending, Transport},
};

/// Runs a connection whose transport is open, until it ends or the server's shutdown cuts it short.
///
/// What a connection holds while it idles lives in boxes of exactly its size, and phases that seldom come are boxed when they do: a
/// future has room for the largest of its phases, and the runtime rounds a task up.
pub(super) fn run<H: Hub, T: Transport>(
    opened: Opened<Shared<H>>,
    transport: T,
) -> impl Future<Output = ()> + Send + 'static {
    let core = Arc::clone(&opened.endpoint.core);
    let pump = Box::new(Pump {
        inbound: FrameBuffer::new(core.options().max_receive_size),
        side: ServerSide {
            core,
            connection: Arc::clone(&opened.connection),
        },
        transport,
        replay: None,
    });
    let begun = Box::pin(begin(Arc::clone(&opened.endpoint), pump));
    async move {
        #[cfg(feature = "metrics")]
        let _counted =
            crate::endpoint::Counted::new(&opened.endpoint.core.front, &opened.connection);
        {
            let mut session = pin!(
                async move {
                    let Some(mut running) = begun.await else {
                        return;
                    };
                    let end = std::future::poll_fn(|cx| running.poll(cx)).await;
                    Box::pin(running.finish(end)).await;
                }
                .instrument(span(H::NAME, opened.connection.id()))
            );
            let killed = &opened.connection.killed;
            std::future::poll_fn(move |cx| match session.as_mut().poll(cx) {
                Poll::Ready(()) => Poll::Ready(()),
                Poll::Pending => killed.poll(cx),
            })
            .await;
        }
        Box::pin(forget(&opened.endpoint.core, &opened.connection)).await;
    }
}

fn span(hub: &str, id: &ConnectionId) -> Span {
    tracing::debug_span!("connection", hub, %id)
}

/// A session that was cut short could not say it; a backplane that hangs does not hold the shutdown up.
async fn forget(core: &Core, connection: &Connection) {
    let unregistered = unregister(core, connection);
    tokio::time::timeout(core.options().http.close_timeout, unregistered)
        .await
        .ok();
}

/// A connection between its beginning and its end.
struct Running<H: Hub, T> {
    pump: Box<Pump<T, ServerSide>>,
    incoming: Box<Incoming<ServerSide, HubCallee<H>>>,
}

impl<H: Hub, T: Transport> Running<H, T> {
    fn poll(&mut self, cx: &mut TaskContext<'_>) -> Poll<End> {
        self.pump.poll_run(cx, &mut self.incoming)
    }

    /// Ends the calls, and then the connection.
    async fn finish(self, End { close, reason, .. }: End) {
        let Self { mut pump, incoming } = self;
        let HubCallee { cx, .. } = incoming.end();
        // A client that has broken off is a client that has left.
        let reason = reason.filter(|reason| !reason.is_disconnect());
        pump.finish(cx, close, reason).await;
    }
}

/// The handshake and `on_connected`. `None`: one of them was refused, and the connection is closed.
async fn begin<H: Hub, T: Transport>(
    shared: Arc<Shared<H>>,
    mut pump: Box<Pump<T, ServerSide>>,
) -> Option<Running<H, T>> {
    match pump.handshake().await {
        Ok(true) => {}
        Ok(false) => {
            pump.close(None, Ending::Normal).await;
            return None;
        }
        Err(refusal) => {
            tracing::debug!(text = refusal.0, "handshake refused");
            pump.refuse(&refusal).await;
            return None;
        }
    }
    let cx = enter(&shared, &mut pump).await?;
    let callee = HubCallee {
        side: pump.side.clone(),
        methods: Arc::clone(&shared.methods),
        cx,
    };
    let incoming = Box::new(Incoming::new(pump.side.clone(), callee));
    let direct = pump.transport.take_direct();
    pump.side.connection.outbox.open_direct(direct);
    Some(Running { pump, incoming })
}

/// Makes a connection known and runs `on_connected`. `None`: the hub has refused it, and it is closed.
async fn enter<H: Hub, T: Transport>(
    shared: &Arc<Shared<H>>,
    pump: &mut Pump<T, ServerSide>,
) -> Option<Context<H>> {
    let (core, connection) = (
        Arc::clone(&pump.side.core),
        Arc::clone(&pump.side.connection),
    );
    core.registry.add(&connection);
    let parts = Arc::new(ConnectionParts::new(
        Arc::clone(&connection) as Arc<dyn Link>,
        Arc::clone(&core) as Arc<dyn Lifetime>,
        Arc::clone(&shared.source),
    ));
    match pump.connect(Connecting::new(parts)).await {
        Ok(cx) => Some(cx),
        Err(error) => {
            tracing::warn!(hub = H::NAME, ?error, "connection refused");
            let text = error.describe(CLOSED_WITH_ERROR, core.options().detailed_errors);
            let close = CloseMessage {
                error: Some(text),
                allow_reconnect: false,
            };
            pump.leave();
            unregister(&core, &connection).await;
            pump.close(Some(close), Ending::Normal).await;
            None
        }
    }
}

/// The connection is in no group from here on, and unknown.
pub(super) async fn unregister(core: &Core, connection: &Connection) {
    core.registry.remove(connection);
    if connection.announced.swap(false, Relaxed) {
        let user = connection.user_id();
        core.backplane.disconnected(connection.id(), user).await;
    }
}

#[cfg(all(test, feature = "macros", not(feature = "metrics")))]
mod tests {
    use tokio::net::TcpStream;

    use super::*;
    use crate::{hub, transport::ws::server::WebSocket};

    struct Nothing;

    #[hub]
    impl Nothing {}

    fn size<A, B, F>(_: impl FnOnce(A, B) -> F) -> usize {
        size_of::<F>()
    }

    /// tokio adds 112 bytes of its own, the choice of the socket included, and rounds up to a multiple of 128.
    #[test]
    fn a_task_fits_256_bytes() {
        assert!(size(run::<Nothing, WebSocket<TcpStream>>) <= 144);
    }
}
