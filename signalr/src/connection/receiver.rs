//! The hub method's end of an upload stream.

use std::{
    pin::Pin,
    sync::{Arc, OnceLock},
    task::{Context, Poll, ready},
};

use futures_core::Stream;
use tokio::sync::mpsc;

use crate::error::Error;

/// An upload: the items that a client streams to a hub method.
///
/// Take it as an argument; it does not count among the client's arguments. Ends with an error when the client says so, when an
/// item does not fit `T`, or when the connection ends.
///
/// # Example
///
/// ```
/// # use signalr::{HubError, Receiver, hub};
/// # struct Sums;
/// # #[hub]
/// # impl Sums {
/// pub async fn sum(&self, mut numbers: Receiver<u32>) -> Result<u32, HubError> {
///     let mut sum = 0;
///     while let Some(number) = numbers.recv().await {
///         sum += number?;
///     }
///     Ok(sum)
/// }
/// # }
/// ```
#[derive(Debug)]
pub struct Receiver<T> {
    pub(super) items: mpsc::Receiver<T>,
    /// Why the stream ended, set before the channel closes; taken by the reader once.
    pub(super) failure: Arc<OnceLock<Error>>,
}

impl<T> Receiver<T> {
    /// The next item, or `None` after the last.
    ///
    /// # Cancel safety
    /// Dropping the future loses no item.
    pub async fn recv(&mut self) -> Option<Result<T, Error>> {
        std::future::poll_fn(|cx| self.poll_recv(cx)).await
    }

    fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<T, Error>>> {
        Poll::Ready(match ready!(self.items.poll_recv(cx)) {
            Some(item) => Some(Ok(item)),
            None => Arc::get_mut(&mut self.failure)
                .and_then(OnceLock::take)
                .map(Err),
        })
    }
}

impl<T> Stream for Receiver<T> {
    type Item = Result<T, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_recv(cx)
    }
}
