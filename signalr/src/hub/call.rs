//! One call of a client, as the expansion of `#[hub]` handles it.

use std::{
    borrow::Cow,
    fmt,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use futures_core::Stream;
use futures_util::StreamExt;

use super::{Context, Hub, IntoHubError};
use crate::{
    error::Error,
    hub_error::HubError,
    packet::Packet,
    protocol::{Headers, HubProtocol, HubResult, Outcome},
};

const INVOKING: &str = "An unexpected error occurred invoking";
const STREAMING: &str = "An error occurred on the server while streaming results.";

/// What answers need to know of a call.
pub(crate) struct CallHead {
    /// `None`: no answer is wanted, whatever happens.
    pub(crate) id: Option<Box<str>>,
    /// The name as the client sent it, which error texts echo.
    pub(crate) target: Cow<'static, str>,
    /// The completion is queued: whatever happens afterwards, such as a panic while a value is dropped, there is no second one.
    pub(crate) answered: AtomicBool,
    /// The method has returned its stream.
    pub(crate) streaming: AtomicBool,
}

/// A call whose arguments are bound.
#[doc(hidden)]
pub struct Call<H: Hub> {
    cx: Context<H>,
    head: Arc<CallHead>,
}

/// Why a call ends without its result.
#[doc(hidden)]
#[derive(Debug)]
pub enum CallError {
    /// The method failed, or what comes before it.
    Method(HubError),
    /// The result stream failed after it had started.
    Stream(HubError),
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
        self.cx.hub().await.map_err(CallError::Method)
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
        self.head.streaming.store(true, Relaxed);
        let mut stream = pin!(stream);
        while let Some(item) = stream.next().await {
            self.item(&item).await?;
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
        self.head.streaming.store(true, Relaxed);
        let mut stream = pin!(stream);
        while let Some(item) = stream.next().await {
            let item = item.map_err(|error| CallError::Stream(error.into_hub_error()))?;
            self.item(&item).await?;
        }
        self.end()
    }

    async fn item<T: HubResult>(&self, item: &T) -> Result<(), CallError> {
        let Some(id) = self.head.id.as_deref() else {
            return Ok(());
        };
        let link = self.cx.link();
        let protocol = link.protocol();
        let packet = Packet::build(protocol.is_binary(), |out| {
            protocol.write_stream_item(out, &Headers::default(), id, item)
        })
        .map_err(|error| CallError::Stream(error.into()))?;
        link.write(packet);
        if let Some(room) = link.room() {
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
        if let Some(packet) = self.head.completion(link.protocol(), outcome)? {
            self.head.answered.store(true, Relaxed);
            link.write(packet);
        }
        Ok(())
    }
}

impl CallHead {
    /// The encoded completion; `None` for a call without id, which gets no answer (HP-44).
    ///
    /// # Errors
    /// The result cannot be serialized.
    pub(crate) fn completion<T: HubResult>(
        &self,
        protocol: HubProtocol,
        outcome: Outcome<'_, &T>,
    ) -> Result<Option<Packet>, Error> {
        let Some(id) = self.id.as_deref() else {
            return Ok(None);
        };
        Packet::build(protocol.is_binary(), |out| {
            protocol.write_completion(out, &Headers::default(), id, outcome)
        })
        .map(Some)
    }

    /// The encoded completion of a call that does not answer itself; `None` if it has been answered, or wants no answer.
    pub(crate) fn last_word(&self, protocol: HubProtocol, error: Option<String>) -> Option<Packet> {
        if self.answered.swap(true, Relaxed) {
            return None;
        }
        let outcome = match error {
            Some(text) => Outcome::<&()>::Error(text.into()),
            None => Outcome::Void,
        };
        let packet = self.completion(protocol, outcome);
        packet.expect("a completion without result can be written")
    }

    /// What the client reads of an error (server reference, section 7).
    pub(crate) fn describe(&self, error: &CallError, detailed: bool) -> String {
        match error {
            CallError::Method(error) => error.describe(&self.unexpected(), detailed),
            CallError::Stream(error) => error.describe(STREAMING, detailed),
        }
    }

    /// What the client reads of a panic: never its text.
    pub(crate) fn panicked(&self) -> String {
        if self.streaming.load(Relaxed) {
            STREAMING.to_owned()
        } else {
            self.unexpected()
        }
    }

    /// What the client reads of a call that it has cancelled.
    pub(crate) fn canceled(&self, detailed: bool) -> String {
        HubError::private("OperationCanceledException", "The operation was canceled.")
            .describe(&self.unexpected(), detailed)
    }

    /// What the client reads of a call that failed before or in its method.
    pub(crate) fn unexpected(&self) -> String {
        format!("{INVOKING} '{}' on the server.", self.target)
    }
}

impl<H: Hub> fmt::Debug for Call<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Call({})", self.head.target)
    }
}
