//! Both ends of a socket, which only the host can know.

use std::net::SocketAddr;

/// The other end of the socket, for hosts to put into a request's extensions; our own listener does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerAddr(pub SocketAddr);

/// Our end of the socket, for hosts to put into a request's extensions; our own listener does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalAddr(pub SocketAddr);
