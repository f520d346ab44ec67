//! Both ends of a socket, which only the host can know.

use std::net::SocketAddr;

/// The other end of the socket, for hosts to put into a request's extensions; our own listener does.
///
/// In other hosts whoever accepts the socket has to. In axum a middleware copies it from `ConnectInfo`: three lines, which the example
/// `axum` has; in plain hyper it is the service of the connection, as in the example `hyper`. Otherwise nobody knows it, and
/// `cx.peer_addr()` is `None`.
///
/// # Example
///
/// ```
/// use std::net::SocketAddr;
/// use http::{Request, Response};
/// use signalr::{HubServer, LocalAddr, PeerAddr, ResponseBody, hub};
/// use tower_service::Service;
///
/// # struct Chat;
/// # #[hub]
/// # impl Chat {}
/// /// Answers a request that came through a socket with these ends.
/// async fn answer(
///     mut hub: HubServer<Chat>,
///     mut request: Request<String>,
///     (peer, local): (SocketAddr, SocketAddr),
/// ) -> Response<ResponseBody> {
///     request.extensions_mut().insert(PeerAddr(peer));
///     request.extensions_mut().insert(LocalAddr(local));
///     let answered = hub.call(request).await;
///     answered.unwrap_or_else(|never| match never {})
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerAddr(pub SocketAddr);

/// Our end of the socket, for hosts to put into a request's extensions; our own listener does.
///
/// How other hosts tell it stands at [`PeerAddr`]. Without, `cx.local_addr()` is `None`.
///
/// # Example
///
/// ```
/// use http::Request;
/// use signalr::LocalAddr;
///
/// let mut request = Request::new(());
/// request.extensions_mut().insert(LocalAddr(([192, 0, 2, 1], 443).into()));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalAddr(pub SocketAddr);
