//! One call of a client, as the expansion of `#[hub]` handles it.

use std::{
    fmt,
    pin::pin,
    sync::{Arc, atomic::Ordering::Relaxed},
};

use futures_core::Stream;
use futures_util::StreamExt;

use super::{Context, Hub, IntoHubError};
use crate::{
    connection::{CallError, CallHead},
    error::Error,
    packet::Draft,
    protocol::{Headers, HubResult, ItemHead, Outcome},
};

/// A call whose arguments are bound.
#[doc(hidden)]
pub struct Call<H: Hub> {
    cx: Context<H>,
    head: Arc<CallHead>,
}

impl<H: Hub> Call<H> {
    pub(crate) fn new(cx: Context<H>, head: Arc<CallHead>) -> Self {
        Self { cx, head }
    }

    /// The call's context.
    pub fn context(&self) -> &Context<H> {
        &self.cx
    }

    /// The hub value: shared, of this connection, or made for this call.
    ///
    /// # Errors
    /// The hub's factory fails.
    pub async fn hub(&self) -> Result<Arc<H>, CallError> {
        match self.cx.shared_hub() {
            Some(hub) => Ok(Arc::clone(hub)),
            None => self.cx.hub().await.map_err(CallError::Method),
        }
    }

    /// Takes the value out of a method's result.
    ///
    /// # Errors
    /// The method's error.
    pub fn ok<T, E: IntoHubError>(&self, result: Result<T, E>) -> Result<T, CallError> {
        result.map_err(|error| CallError::Method(error.into_hub_error()))
    }

    /// Answers with a result. A void method's is null (HP-47).
    ///
    /// # Errors
    /// The value cannot be serialized.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "expansions hand the value over"
    )]
    pub fn value<T: HubResult>(&self, value: T) -> Result<(), CallError> {
        self.complete(Outcome::Result(&value))
            .map_err(|error| CallError::Method(error.into()))
    }

    /// Answers with the items of a stream and a completion.
    ///
    /// # Errors
    /// An item cannot be serialized.
    pub async fn items<S>(&self, stream: S) -> Result<(), CallError>
    where
        S: Stream,
        S::Item: HubResult,
    {
        let head = self.start_stream();
        let mut stream = pin!(stream);
        while let Some(item) = stream.next().await {
            self.item(head.as_ref(), &item).await?;
        }
        self.end()
    }

    /// Answers with the items of a stream, up to its first error.
    ///
    /// # Errors
    /// The stream's error, or an item cannot be serialized.
    pub async fn try_items<S, T, E>(&self, stream: S) -> Result<(), CallError>
    where
        S: Stream<Item = Result<T, E>>,
        T: HubResult,
        E: IntoHubError,
    {
        let head = self.start_stream();
        let mut stream = pin!(stream);
        while let Some(item) = stream.next().await {
            let item = item.map_err(|error| CallError::Stream(error.into_hub_error()))?;
            self.item(head.as_ref(), &item).await?;
        }
        self.end()
    }

    /// What all items begin with; `None`: nobody wants them.
    fn start_stream(&self) -> Option<ItemHead> {
        self.head.streaming.store(true, Relaxed);
        let id = self.head.id()?;
        Some(self.cx.link().protocol().item_head(&Headers::default(), id))
    }

    async fn item<T: HubResult>(&self, head: Option<&ItemHead>, item: &T) -> Result<(), CallError> {
        let Some(head) = head else {
            return Ok(());
        };
        let draft = Draft::write(head.protocol().is_binary(), |out| head.write(out, item))
            .map_err(|error| CallError::Stream(error.into()))?;
        let link = self.cx.link();
        if let Some(room) = link.write_item(draft) {
            room.await;
        }
        if link.is_aborted() {
            // Nothing arrives any more, and nothing waits any more: the call is dropped with its connection.
            std::future::pending::<()>().await;
        }
        // A stream that is always ready lets its connection's task breathe.
        tokio::task::consume_budget().await;
        Ok(())
    }

    fn end(&self) -> Result<(), CallError> {
        self.complete(Outcome::<&()>::Void)
            .map_err(|error| CallError::Stream(error.into()))
    }

    fn complete<T: HubResult>(&self, outcome: Outcome<'_, &T>) -> Result<(), Error> {
        let link = self.cx.link();
        if let Some(draft) = self.head.completion(link.protocol(), outcome)? {
            self.head.answered.store(true, Relaxed);
            link.write(draft);
        }
        Ok(())
    }
}

impl<H: Hub> fmt::Debug for Call<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Call({})", self.head.target())
    }
}
