//! Incoming streams by id: items go to whoever reads them, typed.

use std::{
    collections::HashMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, OnceLock},
};

use tokio::sync::mpsc;

use super::{BoxFuture, Receiver};
use crate::{
    error::{Error, Kind},
    hub_error::HubError,
    protocol::{HubArg, Payload, Source},
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
        let failure = Arc::new(OnceLock::new());
        let sink = Sink {
            sender,
            failure: Some(Arc::clone(&failure)),
        };
        (Self { items, failure }, Box::new(sink))
    }
}

impl<T: HubArg + 'static> Upload for mpsc::Receiver<T> {
    fn open(capacity: usize) -> (Self, Box<dyn UploadSink>) {
        let (sender, items) = mpsc::channel(capacity);
        let failure = None;
        (items, Box::new(Sink { sender, failure }))
    }
}

/// The connection's end of an upload stream.
#[doc(hidden)]
pub trait UploadSink: Send {
    /// Resolves when there is room for an item, or nobody reads any more; `None`: at once.
    fn room(&self) -> Option<BoxFuture<()>>;
    /// Passes an item on; `false` when the stream has ended, because it did not fit or nobody reads.
    fn item(&self, item: &RawItem<'_>) -> bool;
    /// Ends the stream with an error.
    fn fail(&self, error: Error);
}

/// An item that has not been decoded yet.
#[doc(hidden)]
#[derive(Debug)]
pub struct RawItem<'a>(Payload<'a>);

struct Sink<T> {
    // Dropped before the sender: a reader that finds the channel closed must find the failure its own.
    failure: Option<Arc<OnceLock<Error>>>,
    sender: mpsc::Sender<T>,
}

impl<T: HubArg + 'static> UploadSink for Sink<T> {
    fn room(&self) -> Option<BoxFuture<()>> {
        if self.sender.capacity() > 0 || self.sender.is_closed() {
            return None;
        }
        let sender = self.sender.clone();
        Some(Box::pin(async move { drop(sender.reserve_owned().await) }))
    }

    fn item(&self, item: &RawItem<'_>) -> bool {
        // A user's `Deserialize` may panic; that costs the upload.
        let read = AssertUnwindSafe(|| T::read(&mut Source::single(item.0)));
        let read = catch_unwind(read).unwrap_or_else(|_| Err("the type panicked".into()));
        match read {
            Ok(value) => self.sender.try_send(value).is_ok(),
            Err(source) => {
                let what = "an item of an upload stream";
                self.fail(Kind::Decode { what, source }.into());
                false
            }
        }
    }

    fn fail(&self, error: Error) {
        if let Some(failure) = &self.failure {
            // A second reason cannot come: the stream is forgotten after the first.
            let _ = failure.set(error);
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

/// The running upload streams of one connection.
#[derive(Default)]
pub(crate) struct Uploads {
    running: HashMap<Box<str>, Box<dyn UploadSink>>,
}

impl Uploads {
    /// Registers a call's streams under the ids that the client chose; a repeated id replaces the earlier stream.
    pub(crate) fn start<I: AsRef<str>>(&mut self, ids: &[I], sinks: UploadSinks) {
        for (id, sink) in ids.iter().zip(sinks.sinks) {
            self.running.insert(id.as_ref().into(), sink);
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.running.len()
    }

    /// What to wait for before an item of this stream can be passed on.
    pub(crate) fn room(&self, id: &str) -> Option<BoxFuture<()>> {
        self.running.get(id)?.room()
    }

    /// Passes an item on; items of unknown streams are ignored (SV-62).
    pub(crate) fn item(&mut self, id: &str, item: Payload<'_>) {
        if let Some(sink) = self.running.get(id)
            && !sink.item(&RawItem(item))
        {
            self.running.remove(id);
        }
    }

    /// The client has ended a stream; `false` if there is none of that id.
    pub(crate) fn complete(&mut self, id: &str, error: Option<&str>) -> bool {
        let Some(sink) = self.running.remove(id) else {
            return false;
        };
        if let Some(text) = error {
            sink.fail(Kind::Remote(text.to_owned()).into());
        }
        true
    }

    /// The call that reads these streams has ended.
    pub(crate) fn forget(&mut self, ids: &[Box<str>]) {
        for id in ids {
            self.running.remove(id);
        }
    }

    /// The connection has ended (SV-63).
    pub(crate) fn abandon(&mut self) {
        for (_, sink) in self.running.drain() {
            let text = "The underlying connection was closed.";
            sink.fail(Kind::NotConnected(text.into()).into());
        }
    }
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
