//! Hubs from the outside, in one process: over in-memory pipes with paused time, and over real sockets where HTTP matters.

mod support;

mod binding;
mod calls;
mod chopped;
mod closing;
mod connecting;
mod disconnecting;
mod groups;
mod handshake;
mod handshake_refused;
mod ignored;
mod lifetimes;
mod method_errors;
mod method_names;
mod order;
mod protocol_errors;
mod proxies;
mod receive_limit;
mod selectors;
mod session;
mod storm;
