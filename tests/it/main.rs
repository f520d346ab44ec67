//! Hubs from the outside, in one process: over in-memory pipes with paused time, and over real sockets where HTTP matters.

mod support;

mod calls;
