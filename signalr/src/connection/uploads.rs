//! Incoming streams by id: items go to whoever reads them, typed.

use std::{
    collections::{BTreeMap, VecDeque},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    task::Context,
};

use tokio::sync::mpsc;

use super::{
    BoxFuture, Receiver,
    receiver::{Tail, lock},
};
use crate::{
    error::{Error, Kind},
    hub_error::HubError,
    protocol::{HubArg, OwnedPayload, Payload, Source},
};

/// A type that a hub method can take an upload as: [`Receiver<T>`], or tokio's `mpsc::Receiver<T>`, which ends without saying why.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot receive an upload",
    label = "not an upload type",
    note = "take uploads as `signalr::Receiver<T>` or `tokio::sync::mpsc::Receiver<T>`"
)]
pub trait Upload: Sized + Send {
    #[doc(hidden)]
    fn open(capacity: usize) -> (Self, Box<dyn UploadSink>);
}

impl<T: HubArg + 'static> Upload for Receiver<T> {
    fn open(capacity: usize) -> (Self, Box<dyn UploadSink>) {
        let (sender, items) = mpsc::channel(capacity);
        let tail = Tail::default();
        let sink = Sink {
            sender,
            tail: Some(Arc::clone(&tail)),
        };
        (Self { items, tail }, Box::new(sink))
    }
}

impl<T: HubArg + 'static> Upload for mpsc::Receiver<T> {
    fn open(capacity: usize) -> (Self, Box<dyn UploadSink>) {
        let (sender, items) = mpsc::channel(capacity);
        let tail = None;
        (items, Box::new(Sink { sender, tail }))
    }
}

/// The connection's end of an upload stream.
#[doc(hidden)]
pub trait UploadSink: Send {
    /// Resolves when there is room for an item, or nobody reads any more; `None`: at once.
    fn room(&self) -> Option<BoxFuture<()>>;
    /// Whether there is no room, though somebody reads.
    fn is_full(&self) -> bool;
    /// Whether nothing waits to be read, though somebody reads.
    fn is_empty(&self) -> bool;
    /// Passes an item on; `false` when the stream has ended, because it did not fit or nobody reads.
    fn item(&self, item: &RawItem<'_>) -> bool;
    /// Ends the stream with an error.
    fn fail(&self, error: Error);
    /// Passes an item on for which there may be no room, as the last thing but an error.
    fn leave(&self, item: &RawItem<'_>) -> bool;
}

/// An item that has not been decoded yet.
#[doc(hidden)]
#[derive(Debug)]
pub struct RawItem<'a>(Payload<'a>);

struct Sink<T> {
    tail: Option<Tail<T>>,
    sender: mpsc::Sender<T>,
}

impl<T: HubArg + 'static> UploadSink for Sink<T> {
    fn room(&self) -> Option<BoxFuture<()>> {
        self.is_full().then(|| {
            let sender = self.sender.clone();
            Box::pin(async move { drop(sender.reserve_owned().await) }) as _
        })
    }

    fn is_full(&self) -> bool {
        self.sender.capacity() == 0 && !self.sender.is_closed()
    }

    fn is_empty(&self) -> bool {
        self.sender.capacity() == self.sender.max_capacity() && !self.sender.is_closed()
    }

    fn item(&self, item: &RawItem<'_>) -> bool {
        let Some(value) = self.read(item) else {
            return false;
        };
        // A user's value may panic while it is dropped; that costs the upload.
        let sent = AssertUnwindSafe(|| self.sender.try_send(value).is_ok());
        catch_unwind(sent).unwrap_or(false)
    }

    fn fail(&self, error: Error) {
        if let Some(tail) = &self.tail {
            lock(tail).push_back(Err(error));
        }
    }

    fn leave(&self, item: &RawItem<'_>) -> bool {
        let Some(value) = self.read(item) else {
            return false;
        };
        if let Some(tail) = &self.tail {
            lock(tail).push_back(Ok(value));
        }
        true
    }
}

impl<T: HubArg> Sink<T> {
    /// Reads an item; one that does not fit ends the stream.
    fn read(&self, item: &RawItem<'_>) -> Option<T> {
        // A user's `Deserialize` may panic; that costs the upload.
        let read = AssertUnwindSafe(|| T::read(&mut Source::single(item.0)));
        let read = catch_unwind(read).unwrap_or_else(|_| Err("the type panicked".into()));
        match read {
            Ok(value) => Some(value),
            Err(source) => {
                let error = Kind::UnfitItem { source }.into();
                if let Some(tail) = &self.tail {
                    lock(tail).push_back(Err(error));
                }
                None
            }
        }
    }
}

/// Upload streams that the arguments of one call have opened, in parameter order.
#[doc(hidden)]
#[derive(Default)]
pub struct UploadSinks {
    capacity: usize,
    sinks: Vec<Box<dyn UploadSink>>,
}

impl UploadSinks {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            sinks: Vec::new(),
        }
    }

    pub(super) fn open<U: Upload>(&mut self) -> U {
        let (upload, sink) = U::open(self.capacity);
        self.sinks.push(sink);
        upload
    }
}

impl std::fmt::Debug for UploadSinks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "UploadSinks({})", self.sinks.len())
    }
}

/// Bytes of items that may wait for room in their streams before reading stops, for one connection.
const PARKED_LIMIT: usize = 64 * 1024;

/// What may be parked while this end waits for an answer of the other, which stands behind those items: reading must go on, and
/// the stream that is furthest ahead of its reader fails.
const PARKED_MAXIMUM: usize = 1024 * 1024;

/// What a parked item costs beside its frame.
const PARKED_OVERHEAD: usize = 64;

/// The running upload streams of one connection.
///
/// A stream whose buffer is full holds up itself alone: its items are parked, up to a limit in bytes for all streams together.
#[derive(Default)]
pub(crate) struct Uploads {
    /// Mostly one or two: comparing ids costs less than hashing them so that a client cannot choose them badly.
    running: BTreeMap<Box<str>, Running>,
    /// Streams with parked items; few, mostly none.
    stalled: Vec<Stalled>,
    parked_bytes: usize,
}

/// A running stream, and the call that it belongs to.
struct Running {
    owner: u64,
    sink: Box<dyn UploadSink>,
}

/// A running stream that is ahead of its reader.
struct Stalled {
    id: Box<str>,
    parked: VecDeque<(Parked, usize)>,
    room: BoxFuture<()>,
}

enum Parked {
    Item(OwnedPayload),
    End(Option<String>),
}

impl Uploads {
    /// Registers a call's streams under the ids that the client chose; a repeated id replaces the earlier stream.
    pub(crate) fn start<I: AsRef<str>>(&mut self, owner: u64, ids: &[I], sinks: UploadSinks) {
        for (id, sink) in ids.iter().zip(sinks.sinks) {
            self.remove(id.as_ref());
            let running = Running { owner, sink };
            self.running.insert(id.as_ref().into(), running);
        }
    }

    /// Whether so many items are parked that reading must stop.
    pub(crate) fn is_saturated(&self) -> bool {
        self.parked_bytes >= PARKED_LIMIT
    }

    /// Whether there is a stream whose reader has read everything.
    pub(crate) fn is_any_empty(&self) -> bool {
        self.running.values().any(|running| running.sink.is_empty())
    }

    /// Makes room where reading may not stop: the stream with the most parked items fails if there are too many. Gives its id.
    pub(crate) fn relieve(&mut self) -> Option<Box<str>> {
        if self.parked_bytes < PARKED_MAXIMUM {
            return None;
        }
        let furthest = self.stalled.iter().max_by_key(|stalled| stalled.bytes());
        let id = furthest?.id.clone();
        if let Some(Running { sink, .. }) = self.running.get(&*id) {
            let text =
                "More than 1 MiB of items waited for their reader while it waited for an answer.";
            sink.fail(Kind::NotAllowed(text.into()).into());
        }
        self.remove(&id);
        Some(id)
    }

    /// Whether the next item of this stream would be the first to be parked.
    pub(crate) fn is_full(&self, id: &str) -> bool {
        let running = self.running.get(id);
        running.is_some_and(|running| running.sink.is_full())
            && !self.stalled.iter().any(|stalled| &*stalled.id == id)
    }

    /// Passes an item on, or parks it; `size` is its frame's. `false`: there is no such stream (SV-62).
    pub(crate) fn item(&mut self, id: &str, item: Payload<'_>, size: usize) -> bool {
        let Some(Running { sink, .. }) = self.running.get(id) else {
            return false;
        };
        if let Some(stalled) = find(&mut self.stalled, id) {
            stalled
                .parked
                .push_back((Parked::Item(item.to_owned()), size));
            self.parked_bytes += size + PARKED_OVERHEAD;
        } else if let Some(room) = sink.room() {
            let parked = VecDeque::from([(Parked::Item(item.to_owned()), size)]);
            let id = id.into();
            self.stalled.push(Stalled { id, parked, room });
            self.parked_bytes += size + PARKED_OVERHEAD;
        } else if !sink.item(&RawItem(item)) {
            self.running.remove(id);
        }
        true
    }

    /// The client has ended a stream; `false` if there is none of that id.
    pub(crate) fn complete(&mut self, id: &str, error: Option<&str>) -> bool {
        if !self.running.contains_key(id) {
            return false;
        }
        let error = error.map(str::to_owned);
        if let Some(stalled) = find(&mut self.stalled, id) {
            stalled.parked.push_back((Parked::End(error), 0));
            self.parked_bytes += PARKED_OVERHEAD;
        } else {
            self.end(id, error);
        }
        true
    }

    /// Passes parked items on where there is room; whether reading may go on that had to stop.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> bool {
        let was_saturated = self.is_saturated();
        let mut at = 0;
        while let Some(stalled) = self.stalled.get_mut(at) {
            if stalled.room.as_mut().poll(cx).is_pending() {
                at += 1;
            } else if !self.pass_on(at) {
                self.stalled.swap_remove(at);
            }
        }
        was_saturated && !self.is_saturated()
    }

    /// Passes items of a stalled stream on until it is full again; `false`: none is left.
    fn pass_on(&mut self, at: usize) -> bool {
        loop {
            let stalled = &mut self.stalled[at];
            let Some(Running { sink, .. }) = self.running.get(&*stalled.id) else {
                self.parked_bytes -= stalled.bytes();
                return false;
            };
            if let Some(room) = sink.room() {
                stalled.room = room;
                // Polled once more, so that its waker is set.
                return !stalled.parked.is_empty();
            }
            let Some((parked, size)) = stalled.parked.pop_front() else {
                return false;
            };
            self.parked_bytes -= size + PARKED_OVERHEAD;
            match parked {
                Parked::Item(item) => {
                    if !sink.item(&RawItem(item.as_payload())) {
                        self.running.remove(&*stalled.id);
                    }
                }
                Parked::End(error) => {
                    let id = stalled.id.clone();
                    self.end(&id, error);
                }
            }
        }
    }

    fn end(&mut self, id: &str, error: Option<String>) {
        if let Some(Running { sink, .. }) = self.running.remove(id)
            && let Some(text) = error
        {
            sink.fail(Kind::Remote(text).into());
        }
    }

    /// The call that reads these streams has ended. An id may meanwhile be another call's.
    pub(crate) fn forget(&mut self, owner: u64, ids: &[Box<str>]) {
        for id in ids {
            let running = self.running.get(id);
            if running.is_some_and(|running| running.owner == owner) {
                self.remove(id);
            }
        }
    }

    /// Forgets a stream.
    pub(super) fn remove(&mut self, id: &str) {
        self.running.remove(id);
        if let Some(at) = self.stalled.iter().position(|stalled| &*stalled.id == id) {
            self.parked_bytes -= self.stalled.swap_remove(at).bytes();
        }
    }

    /// The connection has ended (SV-63). What has arrived can still be read (HP-82).
    pub(crate) fn abandon(&mut self) {
        for stalled in self.stalled.drain(..) {
            let Some(Running { sink, .. }) = self.running.get(&*stalled.id) else {
                continue;
            };
            let goes_on = stalled.parked.into_iter().all(|(parked, _)| match parked {
                Parked::Item(item) => sink.leave(&RawItem(item.as_payload())),
                Parked::End(error) => {
                    if let Some(text) = error {
                        sink.fail(Kind::Remote(text).into());
                    }
                    false
                }
            });
            if !goes_on {
                self.running.remove(&*stalled.id);
            }
        }
        self.parked_bytes = 0;
        for (_, Running { sink, .. }) in std::mem::take(&mut self.running) {
            let text = "The underlying connection was closed.";
            sink.fail(Kind::NotConnected(text.into()).into());
        }
    }
}

impl Stalled {
    fn bytes(&self) -> usize {
        let sizes = self.parked.iter().map(|(_, size)| size + PARKED_OVERHEAD);
        sizes.sum()
    }
}

fn find<'a>(stalled: &'a mut [Stalled], id: &str) -> Option<&'a mut Stalled> {
    stalled.iter_mut().find(|stalled| &*stalled.id == id)
}

/// Checks the number of streams; the text is exact (section 8).
pub(crate) fn check_count(sent: usize, expected: usize) -> Result<(), HubError> {
    if sent == expected {
        return Ok(());
    }
    Err(HubError::new(format!(
        "Client sent {sent} stream(s), Hub method expects {expected}."
    )))
}
