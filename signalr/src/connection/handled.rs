//! The handlers of a client as the callee of its connection.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, atomic::Ordering::Relaxed},
};

use futures_util::FutureExt;

use super::{
    Args, BoxFuture, CallError, CallHead, Callee, Caller, Handlers, Outbox, Refused, Slot,
    UploadSinks, handlers::Reply, side::Bound,
};
use crate::{
    error::{Error, NO_RESULT},
    hub_error::HubError,
    protocol::{HubProtocol, HubResult, Invocation, Outcome, Payload},
};

/// What a server's calls reach, and where its answers go.
pub(crate) struct Handled {
    pub(crate) outbox: Arc<Outbox>,
    pub(crate) protocol: HubProtocol,
    pub(crate) handlers: Arc<Handlers>,
    pub(crate) caller: Caller,
}

impl Callee for Handled {
    fn bind(&self, invocation: &Invocation<'_>) -> Result<Bound, Box<Refused>> {
        let refuse = |text: &str| {
            let (head, text) = (CallHead::new(invocation, None), text.to_owned());
            Box::new(Refused { head, text })
        };
        let Some(handler) = self.handlers.find(&invocation.target) else {
            return Err(refuse(NO_RESULT));
        };
        let sinks = UploadSinks::default();
        let mut args = Args::new(invocation.arguments, handler.params, sinks);
        let handling = catch_unwind(AssertUnwindSafe(|| (handler.run)(&mut args)));
        let Ok(Ok(handling)) = handling else {
            return Err(refuse("Client failed to parse argument(s)."));
        };
        let head = Arc::new(CallHead::new(invocation, None));
        // Calls without an answer run one after another; one that asks something must not hold them up (section 12.2).
        let slot = if head.id().is_some() {
            Slot::Upload
        } else {
            Slot::Limited
        };
        Ok(Bound {
            future: self.answer(Arc::clone(&head), handling),
            head,
            uploads: args.uploads,
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

    fn relieve(&mut self) {
        self.caller.relieve();
    }

    fn is_saturated(&self) -> bool {
        self.caller.is_saturated()
    }

    fn poll(&mut self, cx: &mut std::task::Context<'_>) -> bool {
        self.caller.poll(cx)
    }
}

impl Handled {
    /// Runs a handler, and answers with its result, or with the plain text of its error.
    fn answer(
        &self,
        head: Arc<CallHead>,
        handling: BoxFuture<Result<Reply, HubError>>,
    ) -> BoxFuture<Result<(), CallError>> {
        let (outbox, protocol) = (Arc::clone(&self.outbox), self.protocol);
        Box::pin(async move {
            let handled = AssertUnwindSafe(handling).catch_unwind().await;
            let write = |outcome: Outcome<'_, &(dyn HubResult + Send)>| {
                let draft = head.completion(protocol, outcome)?;
                head.answered.store(true, Relaxed);
                draft.into_iter().for_each(|draft| outbox.append(draft));
                Ok(())
            };
            match &handled {
                Ok(Ok(reply)) => match reply.as_value() {
                    Some(value) => write(Outcome::Result(value)),
                    None => write(Outcome::Error(NO_RESULT.into())),
                },
                Ok(Err(error)) => write(Outcome::Error(error.to_string().into())),
                Err(_) => write(Outcome::Error("The handler panicked.".into())),
            }
            .map_err(|error: Error| CallError::Method(error.into()))
        })
    }
}
