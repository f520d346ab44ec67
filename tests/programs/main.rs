//! The examples that are clients, as programs of their own: with the servers that they are for, and with a server that lies.

mod chat;
mod process;
#[cfg(unix)]
mod terminal;
mod ticker;
