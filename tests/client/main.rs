//! The client: against our own server over pipes, and against one that a test plays by hand; on paused time.

mod calls;
mod contract;
mod events;
mod handlers;
mod lies;
mod life;
mod proxies;
mod reconnect;
mod support;
