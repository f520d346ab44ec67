//! From messages to calls, and from their ends to completions.

use std::{
    collections::VecDeque,
    future::poll_fn,
    pin::Pin,
    sync::Arc,
    task::{Context as TaskContext, Poll},
};

use futures_util::{StreamExt, stream::FuturesUnordered};

use super::{
    Bound, CallHead, Callee, Limits, Refused, Side, Slot, Turn, Uploads,
    running::{CallEnd, Running},
    turns::Turns,
};
use crate::{
    error::Error,
    hub_error::HubError,
    protocol::{Invocation, Message, Outcome, Payload, Text},
};

/// Bytes of calls that wait for their turn before reading stops.
const WAITING_LIMIT: usize = 64 * 1024;

/// The same while reading may not stop, for messages: who sent them could not be told that they are refused.
const WAITING_MAXIMUM: usize = 1024 * 1024;

/// What a waiting call costs beside its frame, about: its arguments are bound.
const WAITING_OVERHEAD: usize = 256;

/// What a message means for the connection.
pub(super) enum Step {
    /// Go on with the next message.
    Next,
    /// The other end has said goodbye.
    Closed {
        error: Option<String>,
        allow_reconnect: bool,
    },
}

/// The running calls of one end of a connection.
pub(crate) struct Incoming<S, C> {
    side: S,
    callee: C,
    /// Made for the first that does not end at once: without calls it would be the largest part of an idle connection's state.
    running: Option<FuturesUnordered<Running>>,
    /// Of ordinary calls; streams and uploads need none (server reference, section 4).
    turns: Arc<Turns>,
    /// Ordinary calls that wait for their turn, arguments bound. Reading goes on meanwhile, up to a limit in bytes.
    waiting: VecDeque<Running>,
    waiting_bytes: usize,
    /// Reading has stopped at one of the limits.
    stopped: bool,
    /// How many result streams run.
    streams: usize,
    /// How many upload streams the running calls have been given, ended or not.
    uploading: usize,
    uploads: Uploads,
    /// Calls so far: each has a number.
    calls: u64,
    /// Of the next answer, among those who wait for room.
    place: Option<Turn>,
}

impl<S: Side, C: Callee> Incoming<S, C> {
    pub(crate) fn new(side: S, callee: C) -> Self {
        let turns = Arc::new(Turns::new(side.limits().parallel_invocations));
        Self {
            side,
            callee,
            running: None,
            turns,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            stopped: false,
            streams: 0,
            uploading: 0,
            uploads: Uploads::default(),
            calls: 0,
            place: None,
        }
    }

    /// Whether so much waits, for its turn or for its reader, that reading must stop.
    pub(super) fn must_wait(&mut self) -> bool {
        let saturated = self.waiting_bytes >= WAITING_LIMIT
            || self.uploads.is_saturated()
            || self.callee.is_saturated();
        saturated && self.has_to_wait()
    }

    /// Reading does not stop while a call of this end waits for an answer: that stands behind what would not be read. There are other
    /// limits then: further calls are refused, or may wait up to a higher one, and the upload that is furthest ahead of its reader fails.
    #[cold]
    fn has_to_wait(&mut self) -> bool {
        let is_line_full = C::LONGEST_LINE.is_some_and(|limit| self.waiting_bytes >= limit);
        self.stopped = if self.callee.awaits_answer() {
            self.uploads.relieve();
            self.callee.relieve();
            is_line_full
        } else if self.uploads.is_saturated() || self.callee.is_saturated() {
            // Their readers have something to do.
            true
        } else {
            is_line_full || !self.callee.awaits_item() && !self.awaits_room()
        };
        self.stopped
    }

    /// Whether somebody at this end waits for room, who may be a call that runs: the other end has to read for that, and may do so only when
    /// it is read.
    fn awaits_room(&self) -> bool {
        C::LONGEST_LINE.is_some() && self.side.outbox().is_waited_for()
    }

    /// Whether an answer may be queued. When there is no room it is each time the turn of one more, behind the others who wait.
    pub(super) fn may_answer(&mut self, cx: &mut TaskContext<'_>) -> bool {
        let outbox = self.side.outbox();
        if !outbox.exceeds(C::LONGEST_LINE.unwrap_or(0)) {
            return true;
        }
        let place = self.place.get_or_insert_with(|| outbox.wait());
        let is_called_up = Pin::new(place).poll(cx).is_ready();
        if is_called_up {
            self.place = None;
        }
        is_called_up
    }

    /// The number of the first call that waits for its turn, and whether so many do that reading has stopped though this end waits for an
    /// answer: it may stand behind, and the call that runs may wait for it.
    #[cfg(feature = "client")]
    pub(crate) fn first_of_line(&self) -> Option<(u64, bool)> {
        let is_full = C::LONGEST_LINE.is_some_and(|limit| self.waiting_bytes >= limit);
        let awaits = is_full
            && (self.callee.awaits_answer() || self.callee.awaits_item() || self.awaits_room());
        self.waiting.front().map(|call| (call.number, awaits))
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
            Message::Invocation(invocation) => self.invocation(cx, &invocation, size)?,
            Message::StreamItem { id, item, .. } => {
                // Its reader may have more of the stream to read than one batch of bytes has brought: let it, before the rest is
                // put aside.
                if self.uploads.is_full(&id) {
                    self.poll(cx);
                }
                if !self.uploads.item(&id, item, size) {
                    self.callee.item(&id, item, size);
                }
            }
            Message::Completion { id, outcome, .. } => self.completion(&id, outcome)?,
            Message::CancelInvocation { id, .. } => self.cancel(&id),
            Message::Close {
                error,
                allow_reconnect,
            } => {
                return Ok(Step::Closed {
                    error: error.map(Text::into_owned),
                    allow_reconnect,
                });
            }
            Message::Ping => self.side.clocks().pinged(),
            Message::Ack { .. } | Message::Sequence { .. } => {}
        }
        Ok(Step::Next)
    }

    /// Drives the calls; whether any has ended.
    pub(super) fn poll(&mut self, cx: &mut TaskContext<'_>) -> bool {
        let mut progress = self.uploads.poll(cx) | self.callee.poll(cx);
        progress |= self.poll_running(cx);
        if !self.waiting.is_empty() {
            let waited = self.waiting.len();
            self.start_waiting(cx);
            progress |= self.waiting.len() < waited;
            // A call that runs may have come to wait for an answer.
            progress |= std::mem::take(&mut self.stopped) && !self.must_wait();
        }
        progress
    }

    /// Drives the calls that run; whether any has ended.
    fn poll_running(&mut self, cx: &mut TaskContext<'_>) -> bool {
        let mut progress = false;
        while let Some(running) = &mut self.running
            && let Poll::Ready(Some(ended)) = running.poll_next_unpin(cx)
        {
            self.forget_uploads(ended.number, &ended.uploads);
            self.ended(&ended.head, ended.slot, ended.outcome);
            progress = true;
        }
        progress
    }

    /// Lets the calls that have come run to their ends, though nothing that they answer goes anywhere: the connection has ended.
    ///
    /// Those that have not begun are dropped where too many of earlier connections wait.
    #[cfg(feature = "client")]
    pub(crate) async fn finish(mut self) {
        self.uploads.abandon();
        // Until all have ended.
        let running = self.running.iter().flatten();
        let first = running.filter(|call| call.slot == Slot::Limited);
        let bytes = self.waiting_bytes + first.map(|call| call.size).sum::<usize>();
        let kept = self.callee.keep(bytes);
        if kept.is_none() {
            // Those of earlier ones have not ended, so none of these has begun.
            let running = self.running.iter_mut().flatten();
            let first = running.filter(|call| call.slot == Slot::Limited);
            let count = first.map(Running::cancel).count() + self.waiting.len();
            tracing::error!(
                count,
                "messages of a lost connection are dropped: too many of earlier ones wait for handlers that do not end"
            );
            self.waiting.clear();
        }
        poll_fn(|cx| self.poll_rest(cx)).await;
    }

    #[cfg(feature = "client")]
    fn poll_rest(&mut self, cx: &mut TaskContext<'_>) -> Poll<()> {
        loop {
            let mut progress = self.poll_running(cx);
            while !self.waiting.is_empty() && self.turns.take() {
                if let Some(call) = self.waiting.pop_front() {
                    self.run(cx, call);
                    progress = true;
                }
            }
            match progress {
                true => {}
                false if self.running.iter().all(FuturesUnordered::is_empty) => {
                    return Poll::Ready(());
                }
                false => return Poll::Pending,
            }
        }
    }

    /// Drops all calls: the connection has ended.
    pub(crate) fn end(mut self) -> C {
        self.uploads.abandon();
        self.callee
    }

    fn invocation(
        &mut self,
        cx: &mut TaskContext<'_>,
        invocation: &Invocation<'_>,
        size: usize,
    ) -> Result<(), Error> {
        if invocation.id.is_none() && self.is_line_closed() {
            let text =
                "More than 1 MiB of messages wait for their turn, while an answer is waited for.";
            return Err(Error::protocol(text));
        }
        match self.callee.bind(invocation) {
            Ok(bound) => match self
                .check_limits(invocation, &bound.head)
                .and_then(|()| self.check_line(&bound))
            {
                Ok(()) => self.start(cx, invocation, bound, size),
                Err(text) => self.answer(&bound.head, Some(text)),
            },
            Err(refused) => {
                let Refused { head, text } = *refused;
                self.answer(&head, Some(text));
            }
        }
        Ok(())
    }

    /// Whether there is no place in the line for anybody.
    fn is_line_closed(&self) -> bool {
        C::LONGEST_LINE.is_none() && self.waiting_bytes >= WAITING_MAXIMUM
    }

    /// Limits of our own, and ids of running streams.
    fn check_limits(&self, invocation: &Invocation<'_>, head: &CallHead) -> Result<(), String> {
        let Limits {
            max_streams,
            max_uploads,
            ..
        } = self.side.limits();
        let unexpected = |text: String| HubError::new(text).describe(&head.unexpected(), false);
        if self.uploading + invocation.stream_ids.len() > max_uploads {
            return Err(unexpected(format!(
                "More than {max_uploads} upload streams at once are not allowed."
            )));
        }
        let Some(id) = head.id().filter(|_| invocation.streaming) else {
            return Ok(());
        };
        let mut running = self.running.iter().flatten();
        if running.any(|call| call.slot == Slot::Stream && call.head.id() == Some(id)) {
            return Err(format!("Invocation ID '{id}' is already in use."));
        }
        if self.streams >= max_streams {
            return Err(unexpected(format!(
                "More than {max_streams} streams at once are not allowed."
            )));
        }
        Ok(())
    }

    /// Refuses a call for which there is no place in the line.
    ///
    /// # Errors
    /// What the caller reads.
    fn check_line(&self, bound: &Bound) -> Result<(), String> {
        if C::LONGEST_LINE.is_none()
            && bound.head.id().is_some()
            && bound.slot == Slot::Limited
            && self.waiting_bytes >= WAITING_LIMIT
        {
            let text = "More than 64 KiB of calls wait for their turn.";
            return Err(HubError::new(text).describe(&bound.head.unexpected(), false));
        }
        Ok(())
    }

    fn start(
        &mut self,
        cx: &mut TaskContext<'_>,
        invocation: &Invocation<'_>,
        bound: Bound,
        size: usize,
    ) {
        let ids = &invocation.stream_ids;
        let slot = bound.slot;
        self.streams += usize::from(slot == Slot::Stream);
        self.calls += 1;
        if !ids.is_empty() {
            self.uploading += ids.len();
            self.uploads.start(self.calls, ids, bound.uploads);
        }
        let call = Running {
            future: Some(bound.future),
            cancellation: bound.cancellation,
            waker: None,
            head: bound.head,
            uploads: if ids.is_empty() {
                Box::default()
            } else {
                ids.iter().map(|id| (**id).into()).collect()
            },
            slot,
            number: self.calls,
            size: size * bound.copies + WAITING_OVERHEAD,
            turns: None,
            span: bound.span,
        };
        if slot != Slot::Limited || self.waiting.is_empty() && self.turns.take() {
            self.run(cx, call);
        } else {
            self.waiting_bytes += call.size;
            self.waiting.push_back(call);
        }
    }

    /// Starts calls whose turn has come: none on a connection that the hub has ended, and none that is to be answered while answers wait
    /// to be read.
    fn start_waiting(&mut self, cx: &mut TaskContext<'_>) {
        while let Some(first) = self.waiting.front() {
            let is_asked = first.head.id().is_some();
            if self.side.outbox().is_ended() || !self.turns.take() {
                return;
            }
            if is_asked && !self.may_answer(cx) {
                return self.turns.give_back();
            }
            if let Some(call) = self.waiting.pop_front() {
                self.waiting_bytes -= call.size;
                self.run(cx, call);
            }
        }
    }

    /// Most calls end at once; only those that do not are kept.
    fn run(&mut self, cx: &mut TaskContext<'_>, mut call: Running) {
        match call.poll_call(cx, Some(&self.turns)) {
            Poll::Ready(outcome) => {
                self.forget_uploads(call.number, &call.uploads);
                self.ended(&call.head, call.slot, outcome);
            }
            Poll::Pending => {
                call.turns = Some(Arc::clone(&self.turns));
                self.running.get_or_insert_default().push(call);
            }
        }
    }

    fn forget_uploads(&mut self, number: u64, uploads: &[Box<str>]) {
        if !uploads.is_empty() {
            self.uploading -= uploads.len();
            self.uploads.forget(number, uploads);
        }
    }

    fn ended(&mut self, head: &CallHead, slot: Slot, outcome: CallEnd) {
        match slot {
            Slot::Limited => self.turns.give_back(),
            Slot::Asking => self.turns.answered(),
            Slot::Stream => self.streams -= 1,
            Slot::Upload => {}
        }
        let detailed = self.side.limits().detailed_errors;
        match outcome {
            CallEnd::Answered => {}
            CallEnd::Failed(error) => {
                tracing::debug!(target = %head.target(), ?error, "hub method failed");
                self.answer(head, Some(head.describe(&error, detailed)));
            }
            CallEnd::Panicked => {
                tracing::error!(target = %head.target(), "hub method panicked");
                self.answer(head, Some(head.panicked()));
            }
            CallEnd::Canceled if slot == Slot::Stream => self.answer(head, None),
            CallEnd::Canceled => self.answer(head, Some(head.canceled(detailed))),
        }
    }

    /// Cancels what runs or waits under an id: streams (HP-49), and other calls, as clients of .NET 11 do. Cancelled calls are
    /// dropped, but for those whose method takes a token and no stream: these learn of it and end by themselves.
    fn cancel(&mut self, id: &str) {
        let is_meant = |call: &Running| call.head.id() == Some(id);
        let running = self.running.iter_mut().flatten();
        for call in running.filter(|call| is_meant(call)) {
            call.cancel();
        }
        while let Some(at) = self.waiting.iter().position(is_meant) {
            let Some(call) = self.waiting.remove(at) else {
                return;
            };
            self.waiting_bytes -= call.size;
            let text = call.head.canceled(self.side.limits().detailed_errors);
            self.answer(&call.head, Some(text));
        }
    }

    fn answer(&self, head: &CallHead, error: Option<String>) {
        if let Some(draft) = head.last_word(self.side.protocol(), error) {
            self.side.outbox().append(draft);
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
        self.callee.answered(id, outcome)
    }
}
