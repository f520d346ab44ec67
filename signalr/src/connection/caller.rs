//! Calls to the other end: told, asked, and answered by a stream, each with uploads if need be.

mod pending;

use std::{
    collections::HashMap,
    future::poll_fn,
    pin::{Pin, pin},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll},
};

use futures_core::Stream;
use tokio::sync::oneshot;
use tokio_util::sync::{CancellationToken, DropGuard};

use self::pending::{PendingCall, Queueing};
use super::{
    BoxFuture, Calls, Outbox, Receiver, Uploads, calls::read_answer, outflow::Outflows,
    uploads::UploadSinks,
};
use crate::{
    error::{Error, Kind},
    packet::Packet,
    protocol::{
        Arguments, Control, Headers, HubArg, HubProtocol, InvocationHead, Outcome, Payload, Text,
    },
};

/// Runs a future in the background; may be called from anywhere.
pub(crate) type Spawn = Arc<dyn Fn(BoxFuture<()>) + Send + Sync>;

/// One end's calls to the other; clones share them.
#[derive(Clone)]
pub(crate) struct Caller(Arc<Shared>);

struct Shared {
    outbox: Arc<Outbox>,
    protocol: HubProtocol,
    next_id: AtomicU64,
    /// Items of a result stream that wait to be read.
    stream_buffer: usize,
    /// For uploads that nobody polls.
    spawn: Spawn,
    /// Cancelled when the connection has ended, and why is known.
    over: CancellationToken,
    waiting: Mutex<Waiting>,
}

/// What a call wants to have.
#[derive(Clone, Copy)]
enum Asks {
    Nothing,
    Result,
    Stream,
}

/// The reference's text, with the name that the method has here.
const ITEM_OF_CALL: &str = "Streaming hub methods must be invoked with the 'stream' method.";
const RESULT_OF_STREAM: &str =
    "Server provided a result in a completion response to a streamed invocation.";

/// What the other end has not answered yet.
struct Waiting {
    calls: Calls<()>,
    streams: Uploads,
    /// The calls that the other end has not completed, each with what ends its uploads in the background.
    open: HashMap<String, Option<DropGuard>>,
    closed: bool,
    /// Why; `None`: one of the ends wanted it so.
    reason: Option<Error>,
}

impl Caller {
    pub(crate) fn new(
        outbox: Arc<Outbox>,
        protocol: HubProtocol,
        stream_buffer: usize,
        spawn: Spawn,
    ) -> Self {
        let waiting = Mutex::new(Waiting {
            calls: Calls::new(),
            streams: Uploads::default(),
            open: HashMap::new(),
            closed: false,
            reason: None,
        });
        Self(Arc::new(Shared {
            outbox,
            protocol,
            next_id: AtomicU64::new(1),
            stream_buffer,
            spawn,
            over: CancellationToken::new(),
            waiting,
        }))
    }

    /// Calls a method without wanting an answer, and uploads to it.
    ///
    /// Encodes at once; the call goes out when the future is polled.
    ///
    /// # Errors
    /// An argument cannot be serialized, or the connection has ended.
    pub(crate) fn send<A: Arguments>(
        &self,
        target: &str,
        arguments: &A,
        mut uploads: Outflows,
    ) -> impl Future<Output = Result<(), Error>> + Send + use<A> {
        let (_, packet) = self.encode(target, Asks::Nothing, arguments, &mut uploads);
        let this = self.clone();
        async move {
            this.write(packet?, &mut uploads, None).await?;
            let mut over = pin!(this.0.over.cancelled());
            let uploaded = poll_fn(|cx| match over.as_mut().poll(cx) {
                Poll::Ready(()) => Poll::Ready(uploads.is_whole()),
                Poll::Pending => uploads.poll(cx).map(|uploaded| uploaded.is_ok()),
            });
            if uploaded.await {
                return Ok(());
            }
            Err(this.ended().await)
        }
    }

    /// Calls a method and waits for its result, uploading meanwhile.
    ///
    /// # Errors
    /// As [`send`](Self::send); the other end answers with an error, or with something that is no `R`.
    ///
    /// # Cancel safety
    /// Dropping the future takes the call back, or cancels it at the other end if it is queued.
    pub(crate) fn invoke<R: HubArg + 'static, A: Arguments>(
        &self,
        target: &str,
        arguments: &A,
        mut uploads: Outflows,
    ) -> impl Future<Output = Result<R, Error>> + Send + use<R, A> {
        let (id, packet) = self.encode(target, Asks::Result, arguments, &mut uploads);
        let this = self.clone();
        async move {
            let packet = packet?;
            let (sender, mut answer) = oneshot::channel();
            let mut pending = this.wait(id, |waiting, id| {
                let read = move |payload: Result<Payload<'_>, Error>| {
                    drop(sender.send(payload.and_then(read_answer::<R>)));
                };
                waiting.calls.insert(id.to_owned(), (), Box::new(read));
            })?;
            this.write(packet, &mut uploads, Some(&mut pending)).await?;
            let answer = poll_fn(|cx| {
                if let Poll::Ready(answer) = Pin::new(&mut answer).poll(cx) {
                    return Poll::Ready(answer);
                }
                // What is left to upload when the answer comes is of no use any more.
                let _ = uploads.poll(cx);
                Poll::Pending
            });
            answer.await.unwrap_or_else(|_| Err(this.reason()))
        }
    }

    /// Calls a streaming method and gives its items; uploads in the background, for as long as the call runs.
    ///
    /// # Errors
    /// As [`send`](Self::send). What goes wrong later is the stream's last item.
    pub(crate) fn stream<T: HubArg + 'static, A: Arguments>(
        &self,
        target: &str,
        arguments: &A,
        mut uploads: Outflows,
    ) -> impl Future<Output = Result<ItemStream<T>, Error>> + Send + use<T, A> {
        let (id, packet) = self.encode(target, Asks::Stream, arguments, &mut uploads);
        let this = self.clone();
        async move {
            let packet = packet?;
            let mut sinks = UploadSinks::new(this.0.stream_buffer);
            let items: Receiver<T> = sinks.open();
            let mut pending =
                this.wait(id, |waiting, id| waiting.streams.start(0, &[id], sinks))?;
            this.write(packet, &mut uploads, Some(&mut pending)).await?;
            if !uploads.is_empty() {
                this.upload(&pending.id, uploads);
            }
            Ok(ItemStream { items, pending })
        }
    }

    /// Uploads until the call is completed or given up, or the connection ends.
    fn upload(&self, id: &str, mut uploads: Outflows) {
        let end = self.0.over.child_token();
        match self.lock().open.get_mut(id) {
            Some(guard) => *guard = Some(end.clone().drop_guard()),
            None => return,
        }
        (self.0.spawn)(Box::pin(async move {
            let mut ended = pin!(end.cancelled());
            poll_fn(|cx| match ended.as_mut().poll(cx) {
                Poll::Ready(()) => Poll::Ready(()),
                Poll::Pending => uploads.poll(cx).map(drop),
            })
            .await;
        }));
    }

    /// The other end has answered; `false`: nobody waits for that.
    pub(crate) fn answered(&self, id: &str, outcome: Outcome<'_>) -> bool {
        let mut waiting = self.lock();
        waiting.open.remove(id);
        let error = match &outcome {
            Outcome::Error(text) => Some(&**text),
            Outcome::Result(_) => Some(RESULT_OF_STREAM),
            Outcome::Void => None,
        };
        if waiting.streams.complete(id, error) {
            return true;
        }
        let Ok(Some(answer)) = waiting.calls.complete(id, &()) else {
            return false;
        };
        drop(waiting);
        answer(match outcome {
            Outcome::Result(payload) => Ok(payload),
            // The void form and a null result are alike (HP-90).
            Outcome::Void => Ok(self.0.protocol.null()),
            Outcome::Error(text) => Err(Kind::Remote(text.into_owned()).into()),
        });
        true
    }

    /// An item of a result stream has come; `size` is its frame's.
    pub(crate) fn item(&self, id: &str, item: Payload<'_>, size: usize) {
        let mut waiting = self.lock();
        if waiting.streams.item(id, item, size) {
            return;
        }
        let answer = waiting.calls.forget(id);
        drop(waiting);
        if let Some(answer) = answer {
            answer(Err(Kind::NotAllowed(ITEM_OF_CALL.into()).into()));
        }
    }

    /// Whether a call waits for its result.
    pub(crate) fn awaits_answer(&self) -> bool {
        self.lock().calls.waits_for(&())
    }

    /// Whether a stream's reader has read all that has come.
    pub(crate) fn awaits_item(&self) -> bool {
        self.lock().streams.is_any_empty()
    }

    /// Makes room where reading may not stop: gives up the stream that is furthest ahead of its reader.
    pub(crate) fn relieve(&self) {
        let relieved = self.lock().streams.relieve();
        if let Some(id) = relieved {
            self.give_up(&id, true);
        }
    }

    /// Whether so many items wait to be read that reading must stop.
    pub(crate) fn is_saturated(&self) -> bool {
        self.lock().streams.is_saturated()
    }

    /// Passes on items that waited for room; whether reading may go on that had to stop.
    pub(crate) fn poll(&self, cx: &mut Context<'_>) -> bool {
        self.lock().streams.poll(cx)
    }

    /// The connection has ended: what waits fails, and what is called from here on; with the reason, if there is one. The first counts.
    pub(crate) fn close(&self, reason: Option<&Error>) {
        let mut waiting = self.lock();
        if waiting.closed {
            return;
        }
        waiting.closed = true;
        waiting.reason = reason.cloned();
        waiting.streams.abandon();
        let abandoned = waiting.calls.abandon(&());
        let open = std::mem::take(&mut waiting.open);
        drop(waiting);
        // Nobody waits for room any more, even where the connection's task has not come so far.
        self.0.outbox.drain(drop);
        self.0.over.cancel();
        drop(open);
        for answer in abandoned {
            answer(Err(reason.cloned().unwrap_or_else(closed)));
        }
    }

    fn id(&self) -> String {
        self.0.next_id.fetch_add(1, Relaxed).to_string()
    }

    /// Encodes a call, and gives each of its uploads an id, then the call itself.
    fn encode<A: Arguments>(
        &self,
        target: &str,
        asks: Asks,
        arguments: &A,
        uploads: &mut Outflows,
    ) -> (String, Result<Packet, Error>) {
        let ids: Vec<Text<'_>> = uploads.open(&self.0.outbox, self.0.protocol, || self.id());
        let id = match asks {
            Asks::Nothing => String::new(),
            Asks::Result | Asks::Stream => self.id(),
        };
        let head = InvocationHead {
            streaming: matches!(asks, Asks::Stream),
            headers: Headers::default(),
            id: Some(&*id).filter(|id| !id.is_empty()),
            target,
            stream_ids: Some(&*ids).filter(|ids| !ids.is_empty()),
        };
        let protocol = self.0.protocol;
        let packet = Packet::build(protocol.is_binary(), |out| {
            protocol.write_invocation(out, &head, arguments)
        });
        (id, packet)
    }

    /// Has something wait for an answer.
    fn wait(
        &self,
        id: String,
        insert: impl FnOnce(&mut Waiting, &str),
    ) -> Result<PendingCall, Error> {
        let mut waiting = self.lock();
        if waiting.closed {
            return Err(waiting.reason());
        }
        insert(&mut waiting, &id);
        waiting.open.insert(id.clone(), None);
        drop(waiting);
        Ok(PendingCall {
            caller: self.clone(),
            id,
            is_queued: false,
        })
    }

    /// Nobody waits for a call any more; if it `is_queued` the other end is told so, unless it has completed it (CL-63, CL-64).
    fn give_up(&self, id: &str, is_queued: bool) {
        let mut waiting = self.lock();
        waiting.calls.forget(id);
        waiting.streams.remove(id);
        let Some(uploading) = waiting.open.remove(id) else {
            return;
        };
        drop(waiting);
        drop(uploading);
        if !is_queued {
            return;
        }
        let Shared {
            outbox, protocol, ..
        } = &*self.0;
        let cancel = Control::CancelInvocation {
            headers: Headers::default(),
            id,
        };
        let packet = Packet::build(protocol.is_binary(), |out| {
            protocol.write_control(out, &cancel);
            Ok::<_, std::convert::Infallible>(())
        });
        let Ok(packet) = packet;
        outbox.push(packet);
    }

    /// Queues a call, whose uploads and whose caller learn of that, also where the future is dropped before it does.
    async fn write(
        &self,
        packet: Packet,
        uploads: &mut Outflows,
        pending: Option<&mut PendingCall>,
    ) -> Result<(), Error> {
        let mut queueing = Queueing {
            turn: self.0.outbox.send(packet),
            is_queued: false,
            uploads,
            pending,
        };
        queueing.is_queued = match &mut queueing.turn {
            Some(turn) => turn.await.is_ok(),
            None => !self.0.outbox.is_ended(),
        };
        if queueing.is_queued {
            return Ok(());
        }
        Err(self.ended().await)
    }

    /// Why the connection has ended: waits until that is known.
    async fn ended(&self) -> Error {
        self.0.over.cancelled().await;
        self.reason()
    }

    fn reason(&self) -> Error {
        self.lock().reason()
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0
            .waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn closed() -> Error {
    let text = "Invocation canceled due to the underlying connection being closed.";
    Kind::NotConnected(text.into()).into()
}

impl Waiting {
    /// What calls fail with when the connection has ended.
    fn reason(&self) -> Error {
        self.reason.clone().unwrap_or_else(closed)
    }
}

/// The items of a streaming call. Dropping it cancels the call.
///
/// A stream of `Result<T, Error>`. The last item is an error if the server says so, if an item does not fit `T`, if the connection
/// ends, or if too many items waited to be read.
///
/// Items wait in the [`stream_buffer`](crate::HubConnectionBuilder::stream_buffer), and up to 64 KiB more beside it, for all streams of
/// the connection together. Beyond that nothing more is read from the connection, which slows the server down by way of TCP, until
/// somebody reads. While a call waits for its answer reading goes on, since the answer comes behind the items: the stream with the most
/// of them ends with an error, and is cancelled at the server, when more than 1 MiB wait.
///
/// Uploads of the call go on in the background, whether items are read or not, until the call ends.
///
/// # Example
///
/// ```no_run
/// # async fn run(connection: signalr::HubConnection) -> Result<(), signalr::Error> {
/// let mut numbers = connection.stream::<u32>("counter", (10,)).await?;
/// while let Some(number) = numbers.next().await {
///     println!("{}", number?);
/// }
/// # Ok(())
/// # }
/// ```
#[must_use = "dropping a stream cancels it"]
pub struct ItemStream<T> {
    items: Receiver<T>,
    pending: PendingCall,
}

impl<T> ItemStream<T> {
    /// The next item; `None`: there are no more.
    ///
    /// # Cancel safety
    /// No item is lost if the future is dropped.
    pub async fn next(&mut self) -> Option<Result<T, Error>> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }
}

impl<T> std::fmt::Debug for ItemStream<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ItemStream")
            .field("id", &self.pending.id)
            .finish_non_exhaustive()
    }
}

impl<T> Stream for ItemStream<T> {
    type Item = Result<T, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let mut item = Pin::new(&mut this.items).poll_next(cx);
        if let Poll::Ready(Some(Err(error))) = &mut item
            && error.is_closed()
            && let Some(reason) = this.pending.caller.lock().reason.clone()
        {
            *error = reason;
        }
        if matches!(item, Poll::Ready(None | Some(Err(_)))) {
            // The other end goes on after an item that does not fit, until it is told.
            this.pending.give_up();
        }
        item
    }
}
