//! From messages to method calls, and from their ends to completions. The only caller of `Method::run`.

use std::{
    borrow::Cow,
    collections::{HashMap, VecDeque},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::{Arc, atomic::AtomicBool},
    task::{Context as TaskContext, Poll, ready},
};

use futures_util::{
    StreamExt,
    future::{AbortHandle, Abortable},
    stream::FuturesUnordered,
};

use super::{connection::Connection, core::Core, methods::Methods, options::WAITING_LIMIT};
use crate::{
    connection::{Args, BoxFuture, UploadSinks, Uploads, check_count, result_of},
    error::{Error, Kind as ErrorKind},
    hub::{Call, CallError, CallHead, Context, Hub, Kind, Link, Method},
    hub_error::HubError,
    protocol::{Invocation, Message, Outcome, Payload, Text},
};

/// What a message means for the connection.
pub(super) enum Step {
    /// Go on with the next message.
    Next,
    /// The message has no room yet; wait and handle it again.
    Wait(BoxFuture<()>),
    /// The client has said goodbye.
    Closed { error: Option<String> },
}

/// The running calls of one connection.
pub(super) struct Dispatcher<H: Hub> {
    core: Arc<Core>,
    methods: Arc<Methods<H>>,
    connection: Arc<Connection>,
    cx: Context<H>,
    running: FuturesUnordered<Running>,
    /// How many ordinary calls run; they are limited, streams and uploads are not (server reference, section 4).
    ordinary: usize,
    /// Ordinary calls that wait for their turn, arguments bound. Reading goes on meanwhile, up to a limit in bytes.
    waiting: VecDeque<Running>,
    waiting_bytes: usize,
    streams: HashMap<Box<str>, AbortHandle>,
    uploads: Uploads,
    /// A call with uploads has ended since the pump looked last.
    released: bool,
}

impl<H: Hub> Dispatcher<H> {
    pub(super) fn new(
        core: Arc<Core>,
        methods: Arc<Methods<H>>,
        connection: Arc<Connection>,
        cx: Context<H>,
    ) -> Self {
        Self {
            core,
            methods,
            connection,
            cx,
            running: FuturesUnordered::new(),
            ordinary: 0,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            streams: HashMap::new(),
            uploads: Uploads::default(),
            released: false,
        }
    }

    /// Whether uploads have ended with their calls: an item that waits for room in one is to be looked at again.
    pub(super) fn take_released(&mut self) -> bool {
        std::mem::take(&mut self.released)
    }

    /// Whether so much waits for its turn that reading must stop.
    pub(super) fn is_saturated(&self) -> bool {
        self.waiting_bytes >= WAITING_LIMIT
    }

    /// Handles one message; `size` is its frame's.
    ///
    /// # Errors
    /// The connection must end.
    pub(super) fn message(
        &mut self,
        cx: &mut TaskContext<'_>,
        message: Message<'_>,
        size: usize,
    ) -> Result<Step, Error> {
        match message {
            Message::Invocation(invocation) => self.invocation(cx, &invocation, size),
            Message::StreamItem { id, item, .. } => {
                if let Some(room) = self.uploads.room(&id) {
                    return Ok(Step::Wait(room));
                }
                self.uploads.item(&id, item);
            }
            Message::Completion { id, outcome, .. } => self.completion(&id, outcome)?,
            Message::CancelInvocation { id, .. } => {
                if let Some(stream) = self.streams.get(&*id) {
                    stream.abort();
                }
            }
            Message::Close { error, .. } => {
                let error = error.map(Text::into_owned);
                return Ok(Step::Closed { error });
            }
            Message::Ping => self.connection.clocks.pinged(),
            Message::Ack { .. } | Message::Sequence { .. } => {}
        }
        Ok(Step::Next)
    }

    /// Drives the calls; whether any has ended.
    pub(super) fn poll(&mut self, cx: &mut TaskContext<'_>) -> bool {
        let mut progress = false;
        while let Poll::Ready(Some(ended)) = self.running.poll_next_unpin(cx) {
            self.ended(ended);
            progress = true;
        }
        if !self.waiting.is_empty() {
            let waited = self.waiting.len();
            self.start_waiting(cx);
            progress |= self.waiting.len() < waited;
        }
        progress
    }

    /// Drops all calls: the connection has ended.
    pub(super) fn end(mut self) -> Context<H> {
        self.uploads.abandon();
        self.cx
    }

    fn invocation(&mut self, cx: &mut TaskContext<'_>, invocation: &Invocation<'_>, size: usize) {
        let Some(method) = self.methods.find(&invocation.target) else {
            let base = failed(&invocation.target);
            let text = HubError::new("Method does not exist.").describe(&base, false);
            self.fail(&self.head(invocation, None), text);
            return;
        };
        let head = Arc::new(self.head(invocation, Some(method)));
        match self.bind(method, invocation, &head) {
            Ok(bound) => self.start(cx, method, invocation, head, bound, size),
            Err(text) => self.fail(&head, text),
        }
    }

    fn head(&self, invocation: &Invocation<'_>, method: Option<&Method<H>>) -> CallHead {
        let target = &*invocation.target;
        CallHead {
            id: invocation.id.as_deref().map(Into::into),
            target: match method {
                Some(method) if method.name == target => Cow::Borrowed(method.name),
                _ => Cow::Owned(target.to_owned()),
            },
            answered: AtomicBool::new(false),
            streaming: AtomicBool::new(false),
        }
    }

    /// Binds the arguments and checks the call, in the order of section 6 of the server reference.
    ///
    /// # Errors
    /// What the client reads.
    fn bind(
        &self,
        method: &'static Method<H>,
        invocation: &Invocation<'_>,
        head: &Arc<CallHead>,
    ) -> Result<Bound, String> {
        let call = Call::new(self.cx.clone(), Arc::clone(head));
        let sinks = UploadSinks::new(self.core.options.upload_buffer);
        let mut args = Args::new(invocation.arguments, method.params.len(), sinks);
        let detailed = self.core.options.detailed_errors;
        // A user's `Deserialize` may panic; that costs the call.
        let future = catch_unwind(AssertUnwindSafe(|| (method.run)(call, &mut args)))
            .map_err(|_| head.unexpected())?
            .map_err(|error| {
                let error = HubError::private("InvalidDataException", error);
                error.describe(&failed(&head.target), detailed)
            })?;
        let target = &head.target;
        match (method.kind, invocation.streaming) {
            (Kind::Stream, false) => {
                return Err(format!(
                    "The client attempted to invoke the streaming '{target}' method with a non-streaming invocation."
                ));
            }
            (Kind::Call, true) => {
                return Err(format!(
                    "The client attempted to invoke the non-streaming '{target}' method with a streaming invocation."
                ));
            }
            _ => {}
        }
        let ids = &invocation.stream_ids;
        check_count(ids.len(), method.uploads)
            .map_err(|error| error.describe(&head.unexpected(), detailed))?;
        self.check_limits(invocation, head)?;
        let uploads = args.uploads;
        Ok(Bound { future, uploads })
    }

    /// Limits of our own, and ids of running streams.
    fn check_limits(&self, invocation: &Invocation<'_>, head: &CallHead) -> Result<(), String> {
        let options = &self.core.options;
        let unexpected = |text: String| HubError::new(text).describe(&head.unexpected(), false);
        if self.uploads.len() + invocation.stream_ids.len() > options.max_uploads {
            let limit = options.max_uploads;
            return Err(unexpected(format!(
                "More than {limit} upload streams at once are not allowed."
            )));
        }
        let Some(id) = head.id.as_deref().filter(|_| invocation.streaming) else {
            return Ok(());
        };
        if self.streams.contains_key(id) {
            return Err(format!("Invocation ID '{id}' is already in use."));
        }
        if self.streams.len() >= options.max_streams {
            let limit = options.max_streams;
            return Err(unexpected(format!(
                "More than {limit} streams at once are not allowed."
            )));
        }
        Ok(())
    }

    fn start(
        &mut self,
        cx: &mut TaskContext<'_>,
        method: &Method<H>,
        invocation: &Invocation<'_>,
        head: Arc<CallHead>,
        bound: Bound,
        size: usize,
    ) {
        let (handle, registration) = AbortHandle::new_pair();
        let ids = &invocation.stream_ids;
        let slot = match method.kind {
            Kind::Stream => Slot::Stream,
            Kind::Call if method.uploads > 0 => Slot::Upload,
            Kind::Call => Slot::Limited,
        };
        if let Some(id) = head.id.as_deref().filter(|_| slot == Slot::Stream) {
            self.streams.insert(id.into(), handle);
        }
        self.uploads.start(ids, bound.uploads);
        let call = Running {
            future: Some(Abortable::new(bound.future, registration)),
            head,
            uploads: ids.iter().map(|id| (**id).into()).collect(),
            slot,
            size,
        };
        if slot != Slot::Limited {
            self.run(cx, call);
        } else if self.ordinary < self.core.options.parallel_invocations && self.waiting.is_empty()
        {
            self.ordinary += 1;
            self.run(cx, call);
        } else {
            self.waiting_bytes += call.size;
            self.waiting.push_back(call);
        }
    }

    /// Starts calls whose turn has come: none on a connection that the hub has ended, and none while answers wait to be read.
    fn start_waiting(&mut self, cx: &mut TaskContext<'_>) {
        while self.ordinary < self.core.options.parallel_invocations
            && !self.connection.is_aborted()
            && !self.connection.outbox.is_full()
        {
            let Some(call) = self.waiting.pop_front() else {
                return;
            };
            self.waiting_bytes -= call.size;
            self.ordinary += 1;
            self.run(cx, call);
        }
    }

    /// Most calls end at once; only those that do not are kept.
    fn run(&mut self, cx: &mut TaskContext<'_>, mut call: Running) {
        match Pin::new(&mut call).poll(cx) {
            Poll::Ready(ended) => self.ended(ended),
            Poll::Pending => self.running.push(call),
        }
    }

    fn ended(&mut self, ended: Ended) {
        let Ended {
            head,
            uploads,
            slot,
            outcome,
        } = ended;
        self.released |= !uploads.is_empty();
        self.uploads.forget(&uploads);
        match (slot, head.id.as_deref()) {
            (Slot::Limited, _) => self.ordinary -= 1,
            (Slot::Stream, Some(id)) => drop(self.streams.remove(id)),
            (Slot::Stream, None) | (Slot::Upload, _) => {}
        }
        let detailed = self.core.options.detailed_errors;
        match outcome {
            CallEnd::Answered => {}
            CallEnd::Failed(error) => {
                tracing::debug!(target = %head.target, ?error, "hub method failed");
                self.fail(&head, head.describe(&error, detailed));
            }
            CallEnd::Panicked => {
                tracing::error!(target = %head.target, "hub method panicked");
                self.fail(&head, head.panicked());
            }
            CallEnd::Canceled => self.answer(&head, None),
        }
    }

    fn fail(&self, head: &CallHead, text: String) {
        self.answer(head, Some(text));
    }

    fn answer(&self, head: &CallHead, error: Option<String>) {
        if let Some(packet) = head.last_word(self.connection.protocol(), error) {
            self.connection.write(packet);
        }
    }

    /// Upload streams first, answers to our own calls second (section 3.2).
    fn completion(&mut self, id: &str, outcome: Outcome<'_, Payload<'_>>) -> Result<(), Error> {
        let error = match &outcome {
            Outcome::Error(text) => Some(&**text),
            Outcome::Void | Outcome::Result(_) => None,
        };
        if self.uploads.complete(id, error) {
            return Ok(());
        }
        let from = self.connection.id();
        let answer = self.core.calls().complete(id, from);
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
}

fn failed(target: &str) -> String {
    format!("Failed to invoke '{target}' due to an error on the server.")
}

/// A call that may start.
struct Bound {
    future: BoxFuture<Result<(), CallError>>,
    uploads: UploadSinks,
}

/// A call that runs or waits for its turn.
struct Running {
    /// Taken out to be dropped with care.
    future: Option<Abortable<BoxFuture<Result<(), CallError>>>>,
    head: Arc<CallHead>,
    uploads: Box<[Box<str>]>,
    slot: Slot,
    size: usize,
}

/// How a call counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slot {
    /// Against `parallel_invocations`.
    Limited,
    /// Against `max_streams`; can be cancelled by its id.
    Stream,
    /// Against `max_uploads`.
    Upload,
}

struct Ended {
    head: Arc<CallHead>,
    uploads: Box<[Box<str>]>,
    slot: Slot,
    outcome: CallEnd,
}

enum CallEnd {
    /// The method's completion is queued.
    Answered,
    Failed(CallError),
    Panicked,
    Canceled,
}

impl Future for Running {
    type Output = Ended;

    /// A panic in a method costs this call and nothing else.
    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Ended> {
        let Some(future) = &mut self.future else {
            return Poll::Pending;
        };
        let future = AssertUnwindSafe(|| Pin::new(future).poll(cx));
        let outcome = match catch_unwind(future) {
            Ok(poll) => match ready!(poll) {
                Ok(Ok(())) => CallEnd::Answered,
                Ok(Err(error)) => CallEnd::Failed(error),
                Err(_) => CallEnd::Canceled,
            },
            Err(_) => CallEnd::Panicked,
        };
        Poll::Ready(Ended {
            head: Arc::clone(&self.head),
            uploads: std::mem::take(&mut self.uploads),
            slot: self.slot,
            outcome,
        })
    }
}

impl Drop for Running {
    /// A user's value may panic while it is dropped; that costs nothing else.
    fn drop(&mut self) {
        let future = self.future.take();
        if catch_unwind(AssertUnwindSafe(|| drop(future))).is_err() {
            tracing::error!(target = %self.head.target, "hub method panicked while it was dropped");
        }
    }
}
