//! What is known of one incoming call, and how it is answered: once, in the reference's words.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use super::short::ShortText;
use crate::{
    error::Error,
    hub_error::HubError,
    packet::Draft,
    protocol::{Headers, HubProtocol, HubResult, Invocation, Outcome},
};

const INVOKING: &str = "An unexpected error occurred invoking";
const STREAMING: &str = "An error occurred on the server while streaming results.";

/// What answers need to know of a call.
pub(crate) struct CallHead {
    id: Option<ShortText>,
    target: Target,
    /// The completion is queued: whatever happens afterwards, such as a panic while a value is dropped, there is no second one.
    pub(crate) answered: AtomicBool,
    /// The method has returned its stream.
    pub(crate) streaming: AtomicBool,
}

/// The name as the client sent it, which error texts echo.
enum Target {
    /// Spelt as the method is.
    Method(&'static str),
    Sent(ShortText),
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

impl CallHead {
    /// `name` is the method's own name, if there is one: mostly the client's spelling is the same.
    pub(crate) fn new(invocation: &Invocation<'_>, name: Option<&'static str>) -> Self {
        let target = &*invocation.target;
        Self {
            id: invocation.id.as_deref().map(ShortText::from),
            target: match name {
                Some(name) if name == target => Target::Method(name),
                _ => Target::Sent(target.into()),
            },
            answered: AtomicBool::new(false),
            streaming: AtomicBool::new(false),
        }
    }

    /// `None`: no answer is wanted, whatever happens.
    pub(crate) fn id(&self) -> Option<&str> {
        self.id.as_ref().map(ShortText::as_str)
    }

    /// The name as the client sent it.
    pub(crate) fn target(&self) -> &str {
        match &self.target {
            Target::Method(name) => name,
            Target::Sent(name) => name.as_str(),
        }
    }

    /// The encoded completion; `None` for a call without id, which gets no answer (HP-44).
    ///
    /// # Errors
    /// The result cannot be serialized.
    pub(crate) fn completion<T: HubResult + ?Sized>(
        &self,
        protocol: HubProtocol,
        outcome: Outcome<'_, &T>,
    ) -> Result<Option<Draft>, Error> {
        let Some(id) = self.id() else {
            return Ok(None);
        };
        Draft::write(protocol.is_binary(), |out| {
            protocol.write_completion(out, &Headers::default(), id, outcome)
        })
        .map(Some)
    }

    /// The encoded completion of a call that does not answer itself; `None` if it has been answered, or wants no answer.
    pub(crate) fn last_word(&self, protocol: HubProtocol, error: Option<String>) -> Option<Draft> {
        if self.answered.swap(true, Relaxed) {
            return None;
        }
        let outcome = match error {
            Some(text) => Outcome::<&()>::Error(text.into()),
            None => Outcome::Void,
        };
        let draft = self.completion(protocol, outcome);
        draft.expect("a completion without result can be written")
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
        format!("{INVOKING} '{}' on the server.", self.target())
    }
}
