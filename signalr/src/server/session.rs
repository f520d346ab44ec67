//! One connection's task: it reads, dispatches and writes, from the handshake to the end.

use std::{
    pin::pin,
    sync::{Arc, atomic::Ordering::Relaxed},
    task::Poll,
};

use tracing::Instrument;

use super::{
    callee::{HubCallee, ServerSide},
    connection::Connection,
    core::Core,
    hub_server::Shared,
};
use crate::{
    connection::{CLOSED_WITH_ERROR, CloseMessage, End, Incoming, Pump},
    endpoint::Opened,
    hub::{Connecting, ConnectionParts, Context, Hub, Lifetime, Link},
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
    });
    async move {
        let connection = &*opened.connection;
        #[cfg(feature = "metrics")]
        let _counted =
            crate::endpoint::Counted::new(&opened.endpoint.core.front, &opened.connection);
        {
            let span = tracing::debug_span!("connection", hub = H::NAME, id = %connection.id());
            let mut session = pin!(serve(&opened.endpoint, pump).instrument(span));
            std::future::poll_fn(|cx| match session.as_mut().poll(cx) {
                Poll::Ready(()) => Poll::Ready(()),
                Poll::Pending => connection.killed.poll(cx),
            })
            .await;
        }
        Box::pin(forget(&opened.endpoint.core, connection)).await;
    }
}

/// A session that was cut short could not say it; a backplane that hangs does not hold the shutdown up.
async fn forget(core: &Core, connection: &Connection) {
    let unregistered = unregister(core, connection);
    tokio::time::timeout(core.options().http.close_timeout, unregistered)
        .await
        .ok();
}

async fn serve<H: Hub, T: Transport>(shared: &Arc<Shared<H>>, mut pump: Box<Pump<T, ServerSide>>) {
    match pump.handshake().await {
        Ok(true) => {}
        Ok(false) => return Box::pin(pump.close(None, Ending::Normal)).await,
        Err(refusal) => {
            tracing::debug!(text = refusal.0, "handshake refused");
            return Box::pin(pump.refuse(&refusal)).await;
        }
    }
    let Some(cx) = Box::pin(enter(shared, &mut pump)).await else {
        return;
    };
    let side = &pump.side;
    let callee = HubCallee {
        side: side.clone(),
        methods: Arc::clone(&shared.methods),
        cx,
    };
    let mut incoming = Box::new(Incoming::new(side.clone(), callee));
    let End { close, reason } = std::future::poll_fn(|cx| pump.poll_run(cx, &mut incoming)).await;
    let HubCallee { cx, .. } = incoming.end();
    Box::pin(pump.finish(cx, close, reason)).await;
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
