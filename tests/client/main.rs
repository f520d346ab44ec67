//! The client: against our own server over pipes and sockets, and against servers that a test plays by hand. Time is paused where there is
//! no socket.

mod calls;
mod contract;
mod ends;
mod events;
mod floods;
mod handlers;
mod http_choice;
mod http_cookies;
mod http_cuts;
mod http_events;
mod http_lies;
mod http_negotiation;
mod http_polls;
mod http_proxy;
mod http_reconnect;
mod http_refresh;
mod http_refresh_ends;
mod http_sockets;
mod http_stateful;
mod http_stateful_ends;
mod http_suite;
mod http_texts;
mod http_tls;
mod http_token_ends;
mod http_tokens;
mod leftovers;
mod lies;
mod life;
mod lines;
#[path = "../it/support/msgpack.rs"]
#[allow(dead_code, reason = "the tests of the server need more of it")]
mod msgpack;
mod panics;
mod proxies;
mod reconnect;
mod removal;
mod runtimes;
mod short_lives;
mod stalls;
mod stand;
mod streams;
mod support;
mod theatre;
mod unsent;
mod uploads;
