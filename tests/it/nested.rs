//! Hubs at paths of every depth, beside each other, and behind middleware that changes bodies.

use std::{net::SocketAddr, time::Duration};

use axum::Router;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::json;
use signalr::{Context, HttpTransportType, HubProtocol, HubServer, ResponseBody, hub};
use tokio::net::TcpListener;
use tower_http::limit::RequestBodyLimit;
use tower_service::Service;

use crate::support::{
    Room,
    web::{TEXT, Wire, ask},
};

struct Named(&'static str);

#[hub]
impl Named {
    pub fn name(&self) -> &'static str {
        self.0
    }

    pub fn tenant(&self, cx: &Context<Self>) -> Option<String> {
        cx.query("tenant")
    }
}

async fn serve(app: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let addr = listener.local_addr().expect("bound");
    tokio::spawn(async move { axum::serve(listener, app).await });
    addr
}

/// Negotiates, opens a WebSocket with the token and a query of one's own, and calls.
async fn expect_hub(addr: SocketAddr, path: &str, name: &str) {
    let (bare, slash) = match path.strip_suffix('/') {
        Some(bare) => (bare, "/"),
        None => (path, ""),
    };
    let negotiate = format!("{bare}/negotiate{slash}?tenant=7&negotiateVersion=1");
    let answer = ask(addr, "POST", &negotiate, "").await;
    assert_eq!(answer.status, 200, "{path}");
    let token = answer.json()["connectionToken"].take();
    let token = token.as_str().expect("a token");
    let mut wire = Wire::connect(addr, &format!("{path}?tenant=7&id={token}")).await;
    assert_eq!(wire.invoke("name", json!([])).await, name, "{path}");
    assert_eq!(wire.invoke("tenant", json!([])).await, "7", "{path}");
}

#[tokio::test]
async fn hubs_nest_at_any_depth_with_slashes_and_queries() {
    let inner = Router::new().nest_service("/b/chat", HubServer::new(Named("inner")));
    let app = Router::new()
        .nest_service("/a/b/c/chat", HubServer::new(Named("deep")))
        .nest("/a", inner)
        .nest_service("/{tenant}/chat", HubServer::new(Named("captured")))
        .merge(Router::new().nest_service("/merged", HubServer::new(Named("merged"))));
    let addr = serve(app).await;
    for (path, name) in [
        ("/a/b/c/chat", "deep"),
        ("/a/b/chat", "inner"),
        ("/acme/chat", "captured"),
        ("/merged", "merged"),
    ] {
        expect_hub(addr, path, name).await;
        expect_hub(addr, &format!("{path}/"), name).await;
    }
    for path in ["/", "/a", "/a/b", "/a/b/c", "/a/b/chat/x", "/negotiate"] {
        assert_eq!(ask(addr, "POST", path, "").await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn a_mounted_hub_is_a_service_that_finds_its_own_path() {
    let routed = HubServer::new(Named("routed")).at("/live/chat");
    let rest = HubServer::new(Named("rest")).at("/deep/down/feed/");
    let app = Router::new()
        .route_service("/live/chat", routed.clone())
        .route_service("/live/chat/{*rest}", routed)
        .fallback_service(rest);
    let addr = serve(app).await;
    expect_hub(addr, "/live/chat", "routed").await;
    expect_hub(addr, "/deep/down/feed", "rest").await;
    expect_hub(addr, "/DEEP/down/Feed/", "rest").await;
    for path in ["/live/chat/x", "/feed", "/deep", "/", "/negotiate"] {
        let answer = ask(addr, "POST", path, "").await;
        answer.expect_text(404, "");
        let (_, refused) = Wire::upgrade(addr, path, "").await;
        assert_eq!(refused.status, 404, "{path}");
    }
}

#[tokio::test]
async fn hubs_of_one_process_have_options_of_their_own() {
    let polled = HubServer::builder(Named("polled"))
        .transports([HttpTransportType::LongPolling])
        .build()
        .expect("valid");
    let small = HubServer::builder(Named("small"))
        .max_receive_size(100)
        .protocols([HubProtocol::Json])
        .keep_alive(Duration::from_millis(50))
        .build()
        .expect("valid");
    let app = Router::new()
        .nest_service("/polled", polled)
        .nest_service("/small", small)
        .nest_service("/usual", HubServer::new(Named("usual")));
    let addr = serve(app).await;
    let offers = async |path: &str| {
        let answer = ask(addr, "POST", path, "").await.json();
        answer["availableTransports"].as_array().map(Vec::len)
    };
    assert_eq!(offers("/polled/negotiate").await, Some(1));
    assert_eq!(offers("/usual/negotiate").await, Some(3));
    let (_, refused) = Wire::upgrade(addr, "/polled", "").await;
    assert_eq!(refused.status, 404);

    let long = format!(r#"{{"type":6,"padding":"{}"}}"#, "x".repeat(100));
    let mut usual = Wire::connect(addr, "/usual").await;
    usual.tell(&long).await;
    assert_eq!(usual.invoke("name", json!([])).await, "usual");
    let mut small = Wire::connect(addr, "/small").await;
    assert_eq!(small.messages().await, [json!({"type": 6})]);
    small.tell(&long).await;
    loop {
        let messages = small.messages().await;
        if messages[0]["type"] == 7 {
            break;
        }
        assert_eq!(messages, [json!({"type": 6})]);
    }
    let (mut binary, _) = Wire::upgrade(addr, "/small", "").await;
    let handshake = b"{\"protocol\":\"messagepack\",\"version\":1}\x1e";
    binary.frame(TEXT, handshake).await;
    let error = json!({"error": "The protocol 'messagepack' is not supported."});
    assert_eq!(binary.messages().await, [error]);
}

#[tokio::test]
async fn middleware_may_change_the_bodies_both_ways() {
    // Its request body is another type than the host's, and so is its response body.
    let (room, _) = Room::serve();
    let app = Router::new().nest_service("/hub", RequestBodyLimit::new(room, 1_000));
    let addr = serve(app).await;
    Wire::connect(addr, "/hub").await;
    polls_and_posts(addr).await;
    let mut wire = Wire::open(addr).await;
    let answer = wire.post("/hub?id=x", &[b'x'; 1_001]).await;
    assert_eq!(answer.status, 413, "the middleware's own");
}

#[tokio::test]
async fn hyper_may_hand_over_bodies_of_its_own_making() {
    let (room, _) = Room::serve();
    let room = room.at("/hub");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let addr = listener.local_addr().expect("bound");
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let room = room.clone();
            let service = service_fn(move |request: Request<Incoming>| {
                let mut room = room.clone();
                async move {
                    let (parts, body) = request.into_parts();
                    let bytes: Bytes = body.collect().await?.to_bytes();
                    let request = Request::from_parts(parts, Full::new(bytes));
                    let response: Response<ResponseBody> = room
                        .call(request)
                        .await
                        .unwrap_or_else(|never| match never {});
                    Ok::<_, hyper::Error>(response)
                }
            });
            let http = hyper::server::conn::http1::Builder::new();
            let served = http.serve_connection(TokioIo::new(socket), service);
            tokio::spawn(served.with_upgrades());
        }
    });
    Wire::connect(addr, "/hub").await;
    polls_and_posts(addr).await;
}

/// Long polling by hand at `/hub`, from negotiation to the end.
async fn polls_and_posts(addr: SocketAddr) {
    let (_, token) = crate::support::web::negotiate(addr).await;
    let target = format!("/hub?id={token}");
    let (mut polls, mut posts) = (Wire::open(addr).await, Wire::open(addr).await);
    assert_eq!(polls.ask("GET", &target, "").await.status, 200);
    let messages = "{\"protocol\":\"json\",\"version\":1}\x1e\
        {\"type\":1,\"invocationId\":\"1\",\"target\":\"echo\",\"arguments\":[\"x\"]}\x1e";
    assert_eq!(posts.post(&target, messages.as_bytes()).await.status, 200);
    let mut heard = String::new();
    while !heard.contains("invocationId") {
        heard += &polls.ask("GET", &target, "").await.body;
    }
    assert_eq!(
        heard,
        "{}\x1e{\"type\":3,\"invocationId\":\"1\",\"result\":\"x\"}\x1e"
    );
    assert_eq!(posts.ask("DELETE", &target, "").await.status, 202);
}
