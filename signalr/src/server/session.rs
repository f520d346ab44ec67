//! One connection's task: it reads, dispatches and writes, from the handshake to the end.

use std::{
    pin::pin,
    sync::{Arc, atomic::Ordering::Relaxed},
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
    hub::{Connecting, ConnectionParts, Hub, Lifetime, Link},
    protocol::{framing::FrameBuffer, handshake::Refusal},
    transport::{Ending, Transport},
};

/// Runs a connection whose transport is open, until it ends or the server's shutdown cuts it short.
pub(super) async fn run<H: Hub, T: Transport>(opened: Opened<Shared<H>>, transport: T) {
    let (shared, connection) = (Arc::clone(&opened.endpoint), Arc::clone(&opened.connection));
    let core = Arc::clone(&shared.core);
    #[cfg(feature = "metrics")]
    let _counted = crate::endpoint::Counted::new(&core.front, &connection);
    let span = tracing::debug_span!("connection", hub = H::NAME, id = %connection.id());
    let session = serve(shared, Arc::clone(&connection), transport);
    let session = Box::pin(session.instrument(span));
    drop(futures_util::future::select(session, pin!(connection.killed.notified())).await);
    // A session that was cut short could not say it; a backplane that hangs does not hold the shutdown up.
    let unregistered = unregister(&core, &connection);
    tokio::time::timeout(core.options().http.close_timeout, unregistered)
        .await
        .ok();
}

async fn serve<H: Hub, T: Transport>(
    shared: Arc<Shared<H>>,
    connection: Arc<Connection>,
    transport: T,
) {
    let core = Arc::clone(&shared.core);
    let mut pump = Pump {
        inbound: FrameBuffer::new(core.options().max_receive_size),
        side: ServerSide { core, connection },
        transport,
    };
    match pump.handshake().await {
        Ok(true) => {}
        Ok(false) => return pump.close(None, Ending::Normal).await,
        Err(Refusal(text)) => {
            tracing::debug!(text, "handshake refused");
            return pump.refuse(&Refusal(text)).await;
        }
    }
    connected(&shared, &mut pump).await;
}

/// From the handshake to the end.
async fn connected<H: Hub, T: Transport>(shared: &Arc<Shared<H>>, pump: &mut Pump<T, ServerSide>) {
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
    let cx = match pump.connect(Connecting::new(parts)).await {
        Ok(cx) => cx,
        Err(error) => {
            tracing::warn!(hub = H::NAME, ?error, "connection refused");
            let text = error.describe(CLOSED_WITH_ERROR, core.options().detailed_errors);
            let close = CloseMessage {
                error: Some(text),
                allow_reconnect: false,
            };
            pump.leave();
            unregister(&core, &connection).await;
            return pump.close(Some(close), Ending::Normal).await;
        }
    };
    let methods = Arc::clone(&shared.methods);
    let callee = HubCallee {
        side: pump.side.clone(),
        methods,
        cx,
    };
    let mut incoming = Incoming::new(pump.side.clone(), callee);
    let End { close, reason, .. } =
        std::future::poll_fn(|cx| pump.poll_run(cx, &mut incoming)).await;
    let HubCallee { cx, .. } = incoming.end();
    // A client that has broken off is a client that has left.
    let reason = reason.filter(|reason| !reason.is_disconnect());
    pump.finish(cx, close, reason).await;
}

/// The connection is in no group from here on, and unknown.
pub(super) async fn unregister(core: &Core, connection: &Connection) {
    core.registry.remove(connection);
    if connection.announced.swap(false, Relaxed) {
        let user = connection.user_id();
        core.backplane.disconnected(connection.id(), user).await;
    }
}
