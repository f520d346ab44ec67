//! Bytes on their way into the body of a response.

use std::{
    fmt, io,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_util::task::AtomicWaker;
use http_body::{Body, Frame, SizeHint};

use crate::error::Error;

/// One response's bytes: offered at one end, taken piece by piece by the [`OutletBody`] at the other.
///
/// The HTTP server gets the next piece when the one before has been written, so what a slow client makes it hold is bounded, and a
/// body can be broken off between two pieces.
pub(crate) struct Outlet {
    state: Mutex<State>,
    /// Bytes in a piece.
    piece: usize,
    body: AtomicWaker,
    watch: Arc<dyn Watch>,
}

/// Who is told when everything offered has been written, and when the body is gone.
pub(crate) trait Watch: Send + Sync {
    fn changed(&self);
}

impl Watch for AtomicWaker {
    fn changed(&self) {
        self.wake();
    }
}

struct State {
    /// What the HTTP server has not got yet.
    rest: Bytes,
    /// Bytes that it has got and not written.
    lent: usize,
    /// Some of the bytes were handed out.
    touched: bool,
    stage: Stage,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Open,
    /// The body ends behind what was offered.
    Finished,
    /// The body fails.
    Broken,
    /// There is no body any more.
    Left,
}

impl Outlet {
    pub(crate) fn new(
        first: Bytes,
        piece: usize,
        watch: Arc<dyn Watch>,
    ) -> (Arc<Self>, OutletBody) {
        let outlet = Arc::new(Self {
            state: Mutex::new(State {
                rest: first,
                lent: 0,
                touched: false,
                stage: Stage::Open,
            }),
            piece,
            body: AtomicWaker::new(),
            watch,
        });
        (Arc::clone(&outlet), OutletBody(outlet))
    }

    /// Offers more, when everything before has been written.
    pub(crate) fn offer(&self, bytes: Bytes) {
        let mut state = self.lock();
        debug_assert_eq!(state.unsent(), 0, "one after another");
        if state.stage == Stage::Open {
            state.rest = bytes;
        }
        drop(state);
        self.body.wake();
    }

    /// Bytes that are not written yet.
    pub(crate) fn unsent(&self) -> usize {
        self.lock().unsent()
    }

    /// Whether the body has ended, by itself or because its client has gone.
    pub(crate) fn is_left(&self) -> bool {
        self.lock().stage == Stage::Left
    }

    /// Takes back what was offered, if the body went away before it had given any of it out.
    pub(crate) fn take_back(&self) -> Bytes {
        let mut state = self.lock();
        if state.stage == Stage::Left && !state.touched {
            std::mem::take(&mut state.rest)
        } else {
            Bytes::new()
        }
    }

    /// Ends the body behind what was offered.
    pub(crate) fn finish(&self) {
        self.turn(Stage::Finished);
    }

    /// Fails the body, so that the client sees that something is missing.
    pub(crate) fn break_off(&self) {
        self.turn(Stage::Broken);
    }

    fn turn(&self, stage: Stage) {
        let mut state = self.lock();
        if state.stage != Stage::Left {
            state.stage = stage;
        }
        drop(state);
        self.body.wake();
    }

    /// A piece was written, or thrown away.
    fn returned(&self, length: usize) {
        let mut state = self.lock();
        state.lent -= length;
        let written = state.unsent() == 0;
        drop(state);
        self.body.wake();
        if written {
            self.watch.changed();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn unsent(&self) -> usize {
        let rest = match self.stage {
            Stage::Left => 0,
            Stage::Open | Stage::Finished | Stage::Broken => self.rest.len(),
        };
        rest + self.lent
    }
}

/// The body of a response whose bytes come from an [`Outlet`].
pub(crate) struct OutletBody(Arc<Outlet>);

impl Body for OutletBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let outlet = &self.0;
        outlet.body.register(cx.waker());
        let mut state = outlet.lock();
        match state.stage {
            Stage::Broken => return Poll::Ready(Some(Err(broken_off()))),
            Stage::Finished | Stage::Left if state.rest.is_empty() => {
                state.stage = Stage::Left;
                drop(state);
                outlet.watch.changed();
                return Poll::Ready(None);
            }
            _ if state.rest.is_empty() || state.lent > 0 => return Poll::Pending,
            Stage::Open | Stage::Finished | Stage::Left => {}
        }
        let length = state.rest.len().min(outlet.piece);
        let piece = state.rest.split_to(length);
        state.lent = length;
        state.touched = true;
        drop(state);
        let outlet = Arc::clone(outlet);
        let lent = Bytes::from_owner(Lent { piece, outlet });
        Poll::Ready(Some(Ok(Frame::data(lent))))
    }

    fn is_end_stream(&self) -> bool {
        let state = self.0.lock();
        state.rest.is_empty() && matches!(state.stage, Stage::Finished | Stage::Left)
    }

    fn size_hint(&self) -> SizeHint {
        let state = self.0.lock();
        let rest = state.rest.len() as u64;
        match state.stage {
            Stage::Finished => SizeHint::with_exact(rest),
            Stage::Open | Stage::Broken | Stage::Left => SizeHint::new(),
        }
    }
}

impl Drop for OutletBody {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.stage = Stage::Left;
        if state.touched {
            state.rest = Bytes::new();
        }
        drop(state);
        self.0.watch.changed();
    }
}

impl fmt::Debug for OutletBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OutletBody({} unsent)", self.0.unsent())
    }
}

/// A piece in the HTTP server's hands: it is dropped when it has been written.
struct Lent {
    piece: Bytes,
    outlet: Arc<Outlet>,
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.piece
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.outlet.returned(self.piece.len());
    }
}

fn broken_off() -> Error {
    io::Error::new(
        io::ErrorKind::ConnectionAborted,
        "the connection ended within its response",
    )
    .into()
}
