//! How a connection comes about.

use std::{
    future::ready,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Mutex, PoisonError},
};

use futures_util::FutureExt;
use tokio::io::{AsyncRead, AsyncWrite};

use super::{redial::Redial, refresh::Refresh};
use crate::{
    connection::{BoxFuture, ConnectionId},
    error::{Error, Kind},
    transport::{Transport, tcp::Raw},
};

/// An open transport, and what is known of it.
pub(super) struct Connected {
    pub(super) transport: Box<dyn Transport>,
    /// What negotiation gave; none without.
    pub(super) id: Option<ConnectionId>,
    /// Whether the transport's own requests are signs of life: there are no pings then, and no time-out.
    pub(super) is_alive_by_itself: bool,
    /// Opens further links of this connection, where a stateful reconnect was negotiated.
    pub(super) redial: Option<Redial>,
    /// Gets new credentials for this connection, where the server may have a way to.
    pub(super) refresh: Option<Refresh>,
}

impl Connected {
    fn over(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Self {
        Self {
            transport: Box::new(Raw::new(stream)),
            id: None,
            is_alive_by_itself: false,
            redial: None,
            refresh: None,
        }
    }
}

/// Opens a connection, as often as it is asked to.
pub(super) trait Connect: Send + Sync + 'static {
    fn connect(&self) -> BoxFuture<Result<Connected, Error>>;
}

/// Byte streams that somebody else opens.
pub(super) struct Streams<F>(pub(super) F);

impl<F, T, S> Connect for Streams<F>
where
    F: Fn() -> T + Send + Sync + 'static,
    T: Future<Output = io::Result<S>> + Send + 'static,
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    fn connect(&self) -> BoxFuture<Result<Connected, Error>> {
        let opening = catch_unwind(AssertUnwindSafe(|| (self.0)()));
        Box::pin(async move {
            let stream = match opening {
                Ok(opening) => AssertUnwindSafe(opening).catch_unwind().await,
                Err(panic) => Err(panic),
            };
            let stream = stream
                .map_err(|_| Kind::Connect("the connector panicked".into()))?
                .map_err(|source| Kind::ConnectBy {
                    what: "the connector could not open a stream".to_owned(),
                    source: source.into(),
                })?;
            Ok(Connected::over(stream))
        })
    }
}

/// A byte stream that is open already.
pub(super) struct OneStream<S>(Mutex<Option<S>>);

impl<S> OneStream<S> {
    pub(super) fn new(stream: S) -> Self {
        Self(Mutex::new(Some(stream)))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Connect for OneStream<S> {
    fn connect(&self) -> BoxFuture<Result<Connected, Error>> {
        let stream = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        let text = "The stream of this connection has been used, and there is no other.";
        let connected = stream.map(Connected::over);
        Box::pin(ready(
            connected.ok_or_else(|| Kind::Connect(text.into()).into()),
        ))
    }
}
