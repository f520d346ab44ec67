//! Hubs of any type at paths of their own.

use std::{
    convert::Infallible,
    fmt,
    sync::Arc,
    task::{Context, Poll},
};
#[cfg(feature = "standalone")]
use std::{pin::Pin, time::Duration};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt, combinators::UnsyncBoxBody};

use super::hub_server::HubServer;
use crate::{
    endpoint::{ResponseBody, ResponseFuture, Route, respond, text},
    hub::Hub,
    raw::ConnectionServer,
};

type BoxError = Box<dyn std::error::Error + Send + Sync>;
/// A body of whatever host.
type HostBody = UnsyncBoxBody<Bytes, BoxError>;

/// A hub, or a handler of raw connections, at a path; made by [`HubServer::at`] and [`ConnectionServer::at`].
///
/// It is for our own `Server`, and a `tower::Service` for hosts that do not take a hub's path off its requests. It answers at the path
/// and at `negotiate` below, in any letter case and with or without a slash at the end; elsewhere with an empty 404.
///
/// # Example
///
/// ```
/// use http::Request;
/// use signalr::{HubServer, hub};
/// use tower_service::Service;
///
/// struct Chat;
///
/// #[hub]
/// impl Chat {}
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut chat = HubServer::new(Chat).at("/live/chat");
/// let request = Request::post("/live/chat/negotiate?negotiateVersion=1").body(String::new())?;
/// assert_eq!(chat.call(request).await?.status(), 200);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Mount {
    path: Arc<str>,
    served: Arc<dyn Mounted>,
}

/// A server without its type.
trait Mounted: Send + Sync {
    fn respond(&self, route: Route, request: Request<HostBody>) -> ResponseFuture;

    #[cfg(feature = "standalone")]
    fn shutdown(&self, drain: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

impl<H: Hub> Mounted for HubServer<H> {
    fn respond(&self, route: Route, request: Request<HostBody>) -> ResponseFuture {
        respond(&self.shared, route, request)
    }

    #[cfg(feature = "standalone")]
    fn shutdown(&self, drain: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(self.shutdown(drain))
    }
}

impl<H: Hub> HubServer<H> {
    /// The hub at a path such as `/chat`: for our own `Server`, and as a `tower::Service` that is not nested.
    #[must_use]
    pub fn at(&self, path: &str) -> Mount {
        Mount::new(path, self.clone())
    }
}

impl Mounted for ConnectionServer {
    fn respond(&self, route: Route, request: Request<HostBody>) -> ResponseFuture {
        self.respond(route, request)
    }

    #[cfg(feature = "standalone")]
    fn shutdown(&self, drain: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(self.shutdown(drain))
    }
}

impl ConnectionServer {
    /// The handler at a path such as `/echo`: for our own `Server`, and as a `tower::Service` that is not nested.
    #[must_use]
    pub fn at(&self, path: &str) -> Mount {
        Mount::new(path, self.clone())
    }
}

impl Mount {
    fn new(path: &str, served: impl Mounted + 'static) -> Self {
        Self {
            path: path.trim_matches('/').into(),
            served: Arc::new(served),
        }
    }

    /// What a request's path is for here, if anything.
    pub(super) fn find(&self, path: &str) -> Option<Route> {
        Route::find(&self.path, path)
    }

    pub(super) fn respond<B>(&self, route: Route, request: Request<B>) -> ResponseFuture
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let request = request.map(|body| body.map_err(Into::into).boxed_unsync());
        self.served.respond(route, request)
    }

    #[cfg(feature = "standalone")]
    pub(super) async fn shutdown(&self, drain: Duration) {
        self.served.shutdown(drain).await;
    }
}

impl<B> tower_service::Service<Request<B>> for Mount
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<ResponseBody>;
    type Error = Infallible;
    type Future = ResponseFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> ResponseFuture {
        match self.find(request.uri().path()) {
            Some(route) => self.respond(route, request),
            None => text(StatusCode::NOT_FOUND, "").into(),
        }
    }
}

impl fmt::Debug for Mount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mount(/{})", self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub;

    struct Empty;

    #[hub]
    impl Empty {}

    #[tokio::test]
    async fn matches_the_hub_and_its_negotiate_only() {
        let hub = HubServer::new(Empty);
        let chat = hub.at("/Chat/");
        for path in ["/chat", "/chat/", "/CHAT/negotiate", "/chat/Negotiate/"] {
            assert!(chat.find(path).is_some(), "{path}");
        }
        for path in [
            "/",
            "/chats",
            "/chat/x",
            "/negotiate",
            "/x/chat",
            "/chatnegotiate",
        ] {
            assert!(chat.find(path).is_none(), "{path}");
        }
        let root = hub.at("/");
        assert_eq!(root.find("/"), Some(Route::Connection));
        assert_eq!(root.find("/negotiate"), Some(Route::Negotiate));
        assert_eq!(root.find("/chat"), None);
    }
}
