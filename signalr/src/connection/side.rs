//! What the two ends of a connection have in common, as the engine sees them.

use std::{sync::Arc, task::Context};

use tokio_util::sync::CancellationToken;
use tracing::Span;

#[cfg(feature = "client")]
use super::succession::Kept;
use super::{BoxFuture, CallError, CallHead, KeepAlive, Outbox, Slot, UploadSinks};
use crate::{
    error::Error,
    protocol::{HubProtocol, Invocation, Outcome, Payload},
};

/// One end of a connection: its queue, its clocks, its limits.
pub(crate) trait Side {
    fn outbox(&self) -> &Outbox;
    fn clocks(&self) -> &KeepAlive;
    /// Milliseconds on a clock that may move in steps.
    fn now(&self) -> u64;
    /// Fixed by the handshake.
    fn protocol(&self) -> HubProtocol;
    fn limits(&self) -> Limits;
}

/// What the other end may make this one do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Whether the other end reads the texts of all errors.
    pub(crate) detailed_errors: bool,
    pub(crate) parallel_invocations: usize,
    pub(crate) max_streams: usize,
    pub(crate) max_uploads: usize,
}

/// Who is called at one end, and has calls of its own under way.
pub(crate) trait Callee {
    /// Bytes of calls that may wait for their turn while this end waits for an answer, where none may be refused: their callers ask for no
    /// answer, and would not learn of it. `None`: they are refused at the limit that holds anyway.
    ///
    /// Also bytes of answers that may be queued beyond the queue's limit: at one end it must be possible to answer while the other end
    /// does not read, or neither would ever read again.
    const LONGEST_LINE: Option<usize>;

    /// Finds what is called and binds the arguments, in the order of section 6 of the server reference.
    ///
    /// # Errors
    /// The call and what its caller reads.
    fn bind(&self, invocation: &Invocation<'_>) -> Result<Bound, Box<Refused>>;

    /// A call of this end has been answered.
    ///
    /// # Errors
    /// The connection must end.
    fn answered(&mut self, id: &str, outcome: Outcome<'_, Payload<'_>>) -> Result<(), Error>;

    /// An item has come for a call of this end; `size` is its frame's.
    fn item(&mut self, id: &str, item: Payload<'_>, size: usize);

    /// Whether a call of this end waits for an answer: reading must go on then, whatever waits.
    fn awaits_answer(&self) -> bool;

    /// Whether the reader of a stream of this end may wait for an item.
    fn awaits_item(&self) -> bool {
        false
    }

    /// Whether so many items wait to be read that reading should stop.
    fn is_saturated(&self) -> bool {
        false
    }

    /// Makes room where reading may not stop.
    fn relieve(&mut self) {}

    /// Accounts for bytes of calls that outlive their connection, as long as the value lives; `None`: there are too many.
    #[cfg(feature = "client")]
    fn keep(&self, bytes: usize) -> Option<Kept> {
        let _ = bytes;
        None
    }

    /// Passes on items that waited for room; whether reading may go on that had to stop.
    fn poll(&mut self, cx: &mut Context<'_>) -> bool {
        let _ = cx;
        false
    }
}

/// A call that may start.
pub(crate) struct Bound {
    pub(crate) head: Arc<CallHead>,
    pub(crate) future: BoxFuture<Result<(), CallError>>,
    pub(crate) uploads: UploadSinks,
    pub(crate) cancellation: Option<CancellationToken>,
    pub(crate) slot: Slot,
    /// How often its arguments are held.
    pub(crate) copies: usize,
    /// What the call runs in.
    pub(crate) span: Span,
}

/// A call that may not, and why.
pub(crate) struct Refused {
    pub(crate) head: CallHead,
    pub(crate) text: String,
}
