//! Hubs of any type at paths of their own.

use std::{fmt, future::Future, pin::Pin, sync::Arc, time::Duration};

use http::Request;
use hyper::body::Incoming;

use super::hub_server::HubServer;
use crate::{
    endpoint::{ResponseFuture, Route, respond},
    hub::Hub,
    raw::ConnectionServer,
};

/// A hub, or a handler of raw connections, at a path; made by [`HubServer::at`] and [`ConnectionServer::at`].
#[derive(Clone)]
pub struct Mount {
    path: Arc<str>,
    served: Arc<dyn Mounted>,
}

/// A server without its type.
trait Mounted: Send + Sync {
    fn respond(&self, route: Route, request: Request<Incoming>) -> ResponseFuture;
    fn shutdown(&self, drain: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

impl<H: Hub> Mounted for HubServer<H> {
    fn respond(&self, route: Route, request: Request<Incoming>) -> ResponseFuture {
        respond(&self.shared, route, request)
    }

    fn shutdown(&self, drain: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(self.shutdown(drain))
    }
}

impl<H: Hub> HubServer<H> {
    /// Mounts the hub at a path of our own [`Server`](crate::Server), such as `/chat`.
    #[must_use]
    pub fn at(&self, path: &str) -> Mount {
        Mount::new(path, self.clone())
    }
}

impl Mounted for ConnectionServer {
    fn respond(&self, route: Route, request: Request<Incoming>) -> ResponseFuture {
        self.respond(route, request)
    }

    fn shutdown(&self, drain: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(self.shutdown(drain))
    }
}

impl ConnectionServer {
    /// Mounts the handler at a path of our own [`Server`](crate::Server), such as `/echo`.
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

    /// What a request's path is for at this hub, if anything.
    pub(super) fn find(&self, path: &str) -> Option<Route> {
        Route::find(&self.path, path)
    }

    pub(super) fn respond(&self, route: Route, request: Request<Incoming>) -> ResponseFuture {
        self.served.respond(route, request)
    }

    pub(super) async fn shutdown(&self, drain: Duration) {
        self.served.shutdown(drain).await;
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
