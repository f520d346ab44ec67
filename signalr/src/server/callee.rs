//! A hub as the callee of one connection. The only caller of `Method::run`.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use super::{connection::Connection, core::Core, methods::Methods, trace};
use crate::{
    connection::{
        Args, Bound, CallHead, Callee, KeepAlive, Limits, Outbox, Refused, Side, Slot, UploadSinks,
        check_count, result_of,
    },
    error::{Error, Kind as ErrorKind},
    hub::{Call, Context, Hub, Kind, Link, Method},
    hub_error::HubError,
    protocol::{HubProtocol, Invocation, Outcome, Payload},
};

/// The server's end of a connection.
#[derive(Clone)]
pub(super) struct ServerSide {
    pub(super) core: Arc<Core>,
    pub(super) connection: Arc<Connection>,
}

impl Side for ServerSide {
    fn outbox(&self) -> &Outbox {
        &self.connection.outbox
    }

    fn clocks(&self) -> &KeepAlive {
        &self.connection.clocks
    }

    fn now(&self) -> u64 {
        self.core.now()
    }

    fn protocol(&self) -> HubProtocol {
        self.connection.protocol()
    }

    fn limits(&self) -> Limits {
        let options = &self.core.options();
        Limits {
            detailed_errors: options.detailed_errors,
            parallel_invocations: options.parallel_invocations,
            max_streams: options.max_streams,
            max_uploads: options.max_uploads,
        }
    }
}

/// The hub of one connection.
pub(super) struct HubCallee<H: Hub> {
    pub(super) side: ServerSide,
    pub(super) methods: Arc<Methods<H>>,
    pub(super) cx: Context<H>,
}

impl<H: Hub> Callee for HubCallee<H> {
    const LONGEST_LINE: Option<usize> = None;

    fn bind(&self, invocation: &Invocation<'_>) -> Result<Bound, Box<Refused>> {
        let Some(method) = self.methods.find(&invocation.target) else {
            let base = failed(&invocation.target);
            return Err(Box::new(Refused {
                head: CallHead::new(invocation, None),
                text: HubError::new("Method does not exist.").describe(&base, false),
            }));
        };
        let head = Arc::new(CallHead::new(invocation, Some(method.name)));
        self.bind_method(method, invocation, head).map_err(|text| {
            // The future that shared it, if there was one, has been dropped.
            let head = CallHead::new(invocation, Some(method.name));
            Box::new(Refused { head, text })
        })
    }

    /// Calls to clients wait at the server, not at their connection: any of its hubs' methods may have made them.
    fn answered(&mut self, id: &str, outcome: Outcome<'_, Payload<'_>>) -> Result<(), Error> {
        let from = self.side.connection.id();
        let answer = self.side.core.calls().complete(id, from);
        match answer {
            Ok(Some(answer)) => answer(result_of(outcome)),
            Ok(None) => {}
            Err(()) => {
                let text = format!("Connection ID '{from}' is not valid for invocation ID '{id}'.");
                return Err(ErrorKind::NotAllowed(text.into()).into());
            }
        }
        Ok(())
    }

    fn awaits_answer(&self) -> bool {
        self.side.core.calls().waits_for(self.side.connection.id())
    }

    /// A server asks for no streams.
    fn item(&mut self, _: &str, _: Payload<'_>, _: usize) {}
}

impl<H: Hub> HubCallee<H> {
    /// # Errors
    /// What the client reads.
    fn bind_method(
        &self,
        method: &'static Method<H>,
        invocation: &Invocation<'_>,
        head: Arc<CallHead>,
    ) -> Result<Bound, String> {
        let options = self.side.core.options();
        let detailed = options.detailed_errors;
        let call = Call::new(self.cx.clone(), Arc::clone(&head));
        let sinks = UploadSinks::new(options.upload_buffer);
        let mut args = Args::new(invocation.arguments, method.params.len(), sinks);
        // A user's `Deserialize` may panic; that costs the call.
        let future = catch_unwind(AssertUnwindSafe(|| (method.run)(call, &mut args)))
            .map_err(|_| head.unexpected())?
            .map_err(|error| {
                let error = HubError::private("InvalidDataException", error);
                error.describe(&failed(head.target()), detailed)
            })?;
        let slot = match (method.kind, invocation.streaming) {
            (Kind::Stream, false) => {
                return Err(format!(
                    "The client attempted to invoke the streaming '{}' method with a non-streaming invocation.",
                    head.target()
                ));
            }
            (Kind::Call, true) => {
                return Err(format!(
                    "The client attempted to invoke the non-streaming '{}' method with a streaming invocation.",
                    head.target()
                ));
            }
            (Kind::Stream, true) => Slot::Stream,
            (Kind::Call, false) if method.uploads > 0 => Slot::Upload,
            (Kind::Call, false) => Slot::Limited,
        };
        check_count(invocation.stream_ids.len(), method.uploads)
            .map_err(|error| error.describe(&head.unexpected(), detailed))?;
        Ok(Bound {
            head,
            future,
            uploads: args.uploads,
            cancellation: args.cancellation,
            slot,
            copies: 1,
            span: trace::invocation(H::NAME, method.name, &invocation.headers),
        })
    }
}

fn failed(target: &str) -> String {
    format!("Failed to invoke '{target}' due to an error on the server.")
}
