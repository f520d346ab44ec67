//! The handlers of a client as the callee of its connection.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, atomic::Ordering::Relaxed},
};

use futures_util::FutureExt;
use tokio::sync::OwnedSemaphorePermit;

#[cfg(feature = "client")]
use super::succession::Kept;
use super::{
    Args, BoxFuture, CallError, CallHead, Callee, Caller, Handlers, Outbox, Refused, Slot,
    UploadSinks,
    handlers::Reply,
    side::Bound,
    succession::{Place, QUESTIONS},
};
use crate::{
    error::{Error, NO_RESULT},
    hub_error::HubError,
    protocol::{HubProtocol, HubResult, Invocation, Outcome, Payload},
};

/// Whether a handler gives a result, and its run.
type Handling = (bool, BoxFuture<Result<Reply, HubError>>);

/// What a server's calls reach, and where its answers go.
pub(crate) struct Handled {
    outbox: Arc<Outbox>,
    protocol: HubProtocol,
    handlers: Arc<RwLock<Handlers>>,
    pub(crate) caller: Caller,
    /// Handlers of later connections wait for those of this one.
    place: Place,
}

impl Callee for Handled {
    /// As much as one message may have if nothing else is said.
    const LONGEST_LINE: Option<usize> = Some(16 * 1024 * 1024);

    fn bind(&self, invocation: &Invocation<'_>) -> Result<Bound, Box<Refused>> {
        let refuse = |text: &str| {
            let (head, text) = (CallHead::new(invocation, None), text.to_owned());
            Box::new(Refused { head, text })
        };
        let handlers = self.handlers().find(&invocation.target);
        if handlers.is_empty() {
            tracing::warn!(target = %invocation.target, "no handler");
            return Err(refuse(NO_RESULT));
        }
        let permit = match invocation.id {
            None => None,
            Some(_) => match self.place.question() {
                Some(permit) => Some(permit),
                None => {
                    tracing::warn!(target = %invocation.target, "too many questions at once");
                    return Err(refuse(&format!(
                        "More than {QUESTIONS} questions at once are not allowed."
                    )));
                }
            },
        };
        let mut runs = Vec::with_capacity(handlers.len());
        for handler in handlers {
            let sinks = UploadSinks::default();
            let mut args = Args::new(invocation.arguments, handler.params, sinks);
            match catch_unwind(AssertUnwindSafe(|| (handler.run)(&mut args))) {
                Ok(Ok(handling)) => runs.push((handler.answers, handling)),
                unfit => {
                    let error = unfit.ok().and_then(Result::err);
                    tracing::warn!(target = %invocation.target, ?error, "arguments do not fit a handler");
                    if handler.answers {
                        return Err(refuse("Client failed to parse argument(s)."));
                    }
                }
            }
        }
        let head = Arc::new(CallHead::new(invocation, None));
        if runs.is_empty() && head.id().is_some() {
            return Err(refuse("Client failed to parse argument(s)."));
        }
        // Calls without an answer run one after another; one that asks something must not hold them up (section 12.2).
        let slot = if head.id().is_some() {
            Slot::Upload
        } else {
            Slot::Limited
        };
        let copies = runs.len();
        Ok(Bound {
            copies,
            future: self.answer(Arc::clone(&head), runs, permit),
            head,
            uploads: UploadSinks::default(),
            cancellation: None,
            slot,
            span: tracing::Span::none(),
        })
    }

    fn answered(&mut self, id: &str, outcome: Outcome<'_, Payload<'_>>) -> Result<(), Error> {
        self.caller.answered(id, outcome);
        Ok(())
    }

    fn item(&mut self, id: &str, item: Payload<'_>, size: usize) {
        self.caller.item(id, item, size);
    }

    fn awaits_answer(&self) -> bool {
        self.caller.awaits_answer()
    }

    fn awaits_item(&self) -> bool {
        self.caller.awaits_item()
    }

    fn relieve(&mut self) {
        self.caller.relieve();
    }

    #[cfg(feature = "client")]
    fn keep(&self, bytes: usize) -> Option<Kept> {
        let limit = Self::LONGEST_LINE.unwrap_or_default();
        self.place.keep(bytes, limit)
    }

    fn is_saturated(&self) -> bool {
        self.caller.is_saturated()
    }

    fn poll(&mut self, cx: &mut std::task::Context<'_>) -> bool {
        self.caller.poll(cx)
    }
}

impl Handled {
    pub(crate) fn new(
        outbox: &Arc<Outbox>,
        protocol: HubProtocol,
        handlers: &Arc<RwLock<Handlers>>,
        caller: &Caller,
    ) -> Self {
        let place = handlers.read().unwrap_or_else(PoisonError::into_inner);
        let place = place.connections.join();
        Self {
            outbox: Arc::clone(outbox),
            protocol,
            handlers: Arc::clone(handlers),
            caller: caller.clone(),
            place,
        }
    }

    fn handlers(&self) -> RwLockReadGuard<'_, Handlers> {
        self.handlers.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs handlers one after another, and answers with the result of the one that has one, or with the plain text of its error.
    fn answer(
        &self,
        head: Arc<CallHead>,
        runs: Vec<Handling>,
        permit: Option<OwnedSemaphorePermit>,
    ) -> BoxFuture<Result<(), CallError>> {
        let (outbox, protocol) = (Arc::clone(&self.outbox), self.protocol);
        let turn = match head.id() {
            None => self.place.turn(),
            // Questions do not wait for anything.
            Some(_) => None,
        };
        Box::pin(async move {
            let _permit = permit;
            if let Some(turn) = turn {
                turn.await;
            }
            let mut answer = None;
            for (answers, handling) in runs {
                let handled = AssertUnwindSafe(handling).catch_unwind().await;
                match &handled {
                    Ok(Ok(_)) => {}
                    Ok(Err(error)) => {
                        tracing::error!(target = %head.target(), ?error, "a handler failed");
                    }
                    Err(_) => tracing::error!(target = %head.target(), "a handler panicked"),
                }
                if answers {
                    answer = Some(handled);
                }
            }
            let write = |outcome: Outcome<'_, &(dyn HubResult + Send)>| {
                let draft = head.completion(protocol, outcome)?;
                head.answered.store(true, Relaxed);
                draft.into_iter().for_each(|draft| outbox.append(draft));
                Ok(())
            };
            match &answer {
                Some(Ok(Ok(reply))) => match reply.as_value() {
                    Some(value) => write(Outcome::Result(value)),
                    None => write(Outcome::Error(NO_RESULT.into())),
                },
                Some(Ok(Err(error))) => write(Outcome::Error(error.to_string().into())),
                Some(Err(_)) => write(Outcome::Error("The handler panicked.".into())),
                None => write(Outcome::Error(NO_RESULT.into())),
            }
            .map_err(|error: Error| CallError::Method(error.into()))
        })
    }
}
