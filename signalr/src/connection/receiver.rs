//! The hub method's end of an upload stream.

use std::{
    collections::VecDeque,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
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
    /// What follows when the channel has closed: items for which it had no room, and why the stream ended.
    pub(super) tail: Tail<T>,
}

/// Written before the channel closes.
pub(super) type Tail<T> = Arc<Mutex<VecDeque<Result<T, Error>>>>;

pub(super) fn lock<T>(tail: &Tail<T>) -> MutexGuard<'_, VecDeque<Result<T, Error>>> {
    tail.lock().unwrap_or_else(PoisonError::into_inner)
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
            None => lock(&self.tail).pop_front(),
        })
    }
}

impl<T> Stream for Receiver<T> {
    type Item = Result<T, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_recv(cx)
    }
}
