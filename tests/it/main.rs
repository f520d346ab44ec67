//! Hubs from the outside, in one process: over in-memory pipes with paused time, and over real sockets where HTTP matters.

mod support;

mod backplane;
mod binding;
mod calls;
mod chopped;
mod closing;
mod connecting;
mod disconnecting;
mod groups;
mod handshake;
mod handshake_refused;
mod http;
mod ignored;
mod keep_alive;
mod lifetimes;
mod method_errors;
mod method_names;
mod options;
mod order;
mod protocol_errors;
mod proxies;
mod receive_limit;
mod results;
mod selectors;
mod session;
mod shutdown;
mod slow;
mod slow_reader;
mod storm;
mod streams;
mod victim;
mod websockets;
