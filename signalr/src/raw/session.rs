//! One raw connection's task: its handler, and then the end of its transport.

use std::{
    panic::AssertUnwindSafe,
    pin::{Pin, pin},
    sync::Arc,
    time::Duration,
};

use futures_util::FutureExt;

use super::{attachment::Attachment, connection::RawConnection};
use crate::{
    connection::{BoxFuture, ConnectionId},
    endpoint::{Endpoint, Front, Opened, Opening, Via},
    transport::{Ending, Transport},
};

pub(super) type BoxError = Box<dyn std::error::Error + Send + Sync>;
pub(super) type Handler =
    Box<dyn Fn(RawConnection) -> BoxFuture<Result<(), BoxError>> + Send + Sync>;

/// The endpoint of raw connections.
pub(super) struct Handlers {
    pub(super) front: Arc<Front<Attachment>>,
    pub(super) handler: Handler,
}

impl Endpoint for Handlers {
    type Connection = Attachment;

    fn front(&self) -> &Arc<Front<Attachment>> {
        &self.front
    }

    fn connection(&self, id: ConnectionId, request: Opening, via: Via, _: u64) -> Attachment {
        Attachment::new(id, request, via)
    }

    fn run<T: Transport>(
        opened: Opened<Self>,
        transport: T,
    ) -> impl Future<Output = ()> + Send + 'static {
        run(opened, Box::new(transport))
    }

    fn forget(&self, _: &Attachment) {}
}

async fn run(opened: Opened<Handlers>, transport: Box<dyn Transport>) {
    #[cfg(feature = "metrics")]
    let _counted = crate::endpoint::Counted::new(&opened.endpoint.front, &opened.connection);
    let served: Pin<Box<dyn Future<Output = ()> + Send + '_>> = Box::pin(serve(&opened, transport));
    drop(futures_util::future::select(served, pin!(opened.connection.killed.notified())).await);
}

async fn serve(opened: &Opened<Handlers>, transport: Box<dyn Transport>) {
    let (endpoint, attachment) = (&opened.endpoint, &opened.connection);
    let (connection, returned) =
        RawConnection::new(transport, Arc::clone(endpoint), Arc::clone(attachment));
    let id = &attachment.id;
    let handled = async { (endpoint.handler)(connection).await };
    let ending = match AssertUnwindSafe(handled).catch_unwind().await {
        Ok(Ok(())) => Ending::Normal,
        // Of a client that does not read the handler can only say that it has failed.
        Ok(Err(error)) => {
            tracing::debug!(%id, error, "a connection handler failed");
            Ending::Failure
        }
        Err(_) => {
            tracing::error!(%id, "a connection handler panicked");
            Ending::Failure
        }
    };
    // A handler may have handed its connection to a task that lives longer.
    let Ok(mut transport) = returned.await else {
        return;
    };
    transport.close(ending);
    let options = endpoint.options();
    let limit = match attachment.check() {
        Err(_) => Duration::ZERO,
        Ok(()) if transport.is_polled() => options.disconnect_timeout,
        Ok(()) => options.close_timeout,
    };
    let closed = std::future::poll_fn(|cx| transport.poll_closed(cx));
    if tokio::time::timeout(limit, closed).await.is_err() {
        tracing::debug!(%id, "the peer did not close in time");
    }
}
