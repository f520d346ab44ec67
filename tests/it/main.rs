//! Hubs from the outside, in one process: over in-memory pipes with paused time, and over real sockets where HTTP matters.

#[macro_use]
extern crate macro_rules_attribute;

#[macro_use]
mod support;

mod backplane;
mod backplane_faults;
mod batches;
mod binding;
mod calls;
mod cancel;
mod chopped;
mod client_results;
mod closing;
mod connecting;
mod disconnecting;
mod dotnet;
mod group_costs;
mod groups;
mod handshake;
mod handshake_refused;
mod hosts;
mod http;
mod ignored;
mod keep_alive;
mod lifetimes;
mod memory;
mod method_errors;
mod method_names;
mod more_streams;
mod nesting;
mod options;
mod order;
mod origins;
mod panics;
mod polls;
mod polls_end;
mod post_limits;
mod posts;
mod protocol_errors;
mod proxies;
mod quiet_sockets;
mod receive_limit;
mod results;
mod selectors;
mod sending_line;
mod sends;
mod session;
mod shutdown;
mod slow;
mod slow_reader;
mod sse;
mod storm;
mod streams;
mod transport_storm;
mod transports;
mod upload_flow;
mod uploads;
mod values;
mod vectors;
mod vectors_msgpack;
mod victim;
mod web_negotiate;
mod web_transports;
mod websockets;
mod ws_hostile;
