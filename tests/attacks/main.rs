//! Attacks over real sockets whose cost in memory is measured: a process of its own, one attack at a time.

mod bombs;
mod drops;
mod lengths;
mod memory;
mod negotiations;
mod slow;
mod victim;
#[path = "../it/support/web.rs"]
#[expect(dead_code, reason = "the other tests need all of it")]
mod web;
