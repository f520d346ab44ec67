//! One read buffer for each thread.

use std::cell::Cell;

/// Bytes that one read takes at most.
const SIZE: usize = 16 * 1024;

thread_local! {
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Lends the buffer to whichever connection reads right now, so that a waiting one holds none. What is in it means nothing.
pub(super) fn lend<T>(read: impl FnOnce(&mut [u8]) -> T) -> T {
    // A stream that reads another one meanwhile is lent a new buffer.
    let mut buffer = SCRATCH.take();
    buffer.resize(SIZE, 0);
    let result = read(&mut buffer);
    SCRATCH.set(buffer);
    result
}
