//! A call that asks a client gives its turn to the next one (server reference, section 4.2): the client may have to call the hub
//! before it can answer.

use std::cell::Cell;

thread_local! {
    /// A question may be asked by way of the call's context or of any other, deep in a future that tells nothing of itself. What is
    /// certain is that it is asked while the call is polled.
    static ASKED: Cell<bool> = const { Cell::new(false) };
}

/// A question goes out to a client.
pub(crate) fn note_question() {
    ASKED.set(true);
}

/// Polls a call; whether a question has gone out meanwhile.
pub(super) fn watch_questions<T>(poll: impl FnOnce() -> T) -> (T, bool) {
    ASKED.set(false);
    let polled = poll();
    (polled, ASKED.get())
}
