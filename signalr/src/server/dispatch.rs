//! From messages to method calls, and from their ends to completions. The only caller of `Method::run`.

use std::{
    borrow::Cow,
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::{Arc, atomic::AtomicBool},
    task::{Context as TaskContext, Poll, Waker},
};

use futures_util::{StreamExt, stream::FuturesUnordered};
use tokio_util::sync::CancellationToken;

use super::{
    connection::Connection, core::Core, methods::Methods, options::WAITING_LIMIT, turns::Turns,
};
use crate::{
    connection::{Args, BoxFuture, UploadSinks, Uploads, check_count, result_of},
    error::{Error, Kind as ErrorKind},
    hub::{Call, CallError, CallHead, Context, Hub, Kind, Link, Method, watch_questions},
    hub_error::HubError,
    protocol::{Invocation, Message, Outcome, Payload, Text},
};

/// What a message means for the connection.
pub(super) enum Step {
    /// Go on with the next message.
    Next,
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
    /// Of ordinary calls; streams and uploads need none (server reference, section 4).
    turns: Arc<Turns>,
    /// Ordinary calls that wait for their turn, arguments bound. Reading goes on meanwhile, up to a limit in bytes.
    waiting: VecDeque<Running>,
    waiting_bytes: usize,
    /// How many result streams run.
    streams: usize,
    uploads: Uploads,
}

impl<H: Hub> Dispatcher<H> {
    pub(super) fn new(
        core: Arc<Core>,
        methods: Arc<Methods<H>>,
        connection: Arc<Connection>,
        cx: Context<H>,
    ) -> Self {
        let turns = Arc::new(Turns::new(core.options.parallel_invocations));
        Self {
            core,
            methods,
            connection,
            cx,
            running: FuturesUnordered::new(),
            turns,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            streams: 0,
            uploads: Uploads::default(),
        }
    }

    /// Whether so much waits for its turn that reading must stop.
    pub(super) fn is_saturated(&self) -> bool {
        self.waiting_bytes >= WAITING_LIMIT || self.uploads.is_saturated()
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
                self.uploads.item(&id, item, size);
            }
            Message::Completion { id, outcome, .. } => self.completion(&id, outcome)?,
            Message::CancelInvocation { id, .. } => {
                self.cancel(&id);
            }
            Message::Close { error, .. } => {
                let error = error.map(Text::into_owned);
                return Ok(Step::Closed { error });
            }
            Message::Ping | Message::Ack { .. } | Message::Sequence { .. } => {}
        }
        Ok(Step::Next)
    }

    /// Drives the calls; whether any has ended.
    pub(super) fn poll(&mut self, cx: &mut TaskContext<'_>) -> bool {
        let mut progress = self.uploads.poll(cx);
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
        Ok(Bound {
            future,
            uploads: args.uploads,
            cancellation: args.cancellation,
        })
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
        let mut running = self.running.iter();
        if running.any(|call| call.slot == Slot::Stream && call.head.id.as_deref() == Some(id)) {
            return Err(format!("Invocation ID '{id}' is already in use."));
        }
        if self.streams >= options.max_streams {
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
        let ids = &invocation.stream_ids;
        let slot = match method.kind {
            Kind::Stream => Slot::Stream,
            Kind::Call if method.uploads > 0 => Slot::Upload,
            Kind::Call => Slot::Limited,
        };
        self.streams += usize::from(slot == Slot::Stream);
        self.uploads.start(ids, bound.uploads);
        let call = Running {
            future: Some(bound.future),
            cancellation: bound.cancellation,
            waker: None,
            head,
            uploads: ids.iter().map(|id| (**id).into()).collect(),
            slot,
            size,
            turns: Arc::clone(&self.turns),
        };
        if slot != Slot::Limited || self.waiting.is_empty() && self.turns.take() {
            self.run(cx, call);
        } else {
            self.waiting_bytes += call.size;
            self.waiting.push_back(call);
        }
    }

    /// Starts calls whose turn has come: none on a connection that the hub has ended, and none while answers wait to be read.
    fn start_waiting(&mut self, cx: &mut TaskContext<'_>) {
        while !self.waiting.is_empty()
            && !self.connection.is_aborted()
            && !self.connection.outbox.is_full()
            && self.turns.take()
        {
            if let Some(call) = self.waiting.pop_front() {
                self.waiting_bytes -= call.size;
                self.run(cx, call);
            }
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
        self.uploads.forget(&uploads);
        match slot {
            Slot::Limited => self.turns.give_back(),
            Slot::Asking => self.turns.answered(),
            Slot::Stream => self.streams -= 1,
            Slot::Upload => {}
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
            CallEnd::Canceled if slot == Slot::Stream => self.answer(&head, None),
            CallEnd::Canceled => self.fail(&head, head.canceled(detailed)),
        }
    }

    /// Cancels what runs or waits under an id: streams (HP-49), and other calls, as clients of .NET 11 do. Cancelled calls are
    /// dropped, but for those whose method takes a token and no stream: these learn of it and end by themselves.
    fn cancel(&mut self, id: &str) {
        let is_meant = |call: &Running| call.head.id.as_deref() == Some(id);
        for call in self.running.iter_mut().filter(|call| is_meant(call)) {
            call.cancel();
        }
        while let Some(at) = self.waiting.iter().position(is_meant) {
            let Some(call) = self.waiting.remove(at) else {
                return;
            };
            self.waiting_bytes -= call.size;
            let text = call.head.canceled(self.core.options.detailed_errors);
            self.fail(&call.head, text);
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
    cancellation: Option<CancellationToken>,
}

/// A call that runs or waits for its turn.
struct Running {
    /// Taken out to be dropped with care, when the call is cancelled or has ended.
    future: Option<BoxFuture<Result<(), CallError>>>,
    /// What the method has taken to learn that it is cancelled.
    cancellation: Option<CancellationToken>,
    /// Set while the call is pending.
    waker: Option<Waker>,
    head: Arc<CallHead>,
    uploads: Box<[Box<str>]>,
    slot: Slot,
    size: usize,
    turns: Arc<Turns>,
}

/// How a call counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slot {
    /// Against `parallel_invocations`.
    Limited,
    /// Not any more, as it has asked a client: before there is an answer, further calls may have to run.
    Asking,
    /// Against `max_streams`.
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
        let this = &mut *self;
        let outcome = match &mut this.future {
            None => CallEnd::Canceled,
            Some(future) => {
                let poll = AssertUnwindSafe(|| future.as_mut().poll(cx));
                let (polled, asked) = watch_questions(|| catch_unwind(poll));
                if asked && this.slot == Slot::Limited && this.turns.give_away() {
                    this.slot = Slot::Asking;
                }
                match polled {
                    Ok(Poll::Pending) => {
                        this.waker = Some(cx.waker().clone());
                        return Poll::Pending;
                    }
                    Ok(Poll::Ready(Ok(()))) => CallEnd::Answered,
                    Ok(Poll::Ready(Err(error))) => CallEnd::Failed(error),
                    Err(_) => CallEnd::Panicked,
                }
            }
        };
        // What the method has started is not told of a cancellation that comes too late.
        self.cancellation = None;
        Poll::Ready(Ended {
            head: Arc::clone(&self.head),
            uploads: std::mem::take(&mut self.uploads),
            slot: self.slot,
            outcome,
        })
    }
}

impl Running {
    fn cancel(&mut self) {
        let token = self.cancellation.as_ref();
        if let Some(token) = token {
            token.cancel();
        }
        if token.is_none() || self.slot == Slot::Stream {
            self.drop_future();
            if let Some(waker) = self.waker.take() {
                waker.wake();
            }
        }
    }

    /// A user's value may panic while it is dropped; that costs nothing else.
    fn drop_future(&mut self) {
        let future = self.future.take();
        if catch_unwind(AssertUnwindSafe(|| drop(future))).is_err() {
            tracing::error!(target = %self.head.target, "hub method panicked while it was dropped");
        }
    }
}

impl Drop for Running {
    /// What the method has started elsewhere learns that the call has gone with its connection.
    fn drop(&mut self) {
        if let Some(token) = &self.cancellation {
            token.cancel();
        }
        self.drop_future();
    }
}
