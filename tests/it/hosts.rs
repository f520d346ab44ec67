//! Where a hub can live: our own server with several hubs and pages, plain hyper, axum.

use std::{net::SocketAddr, time::Duration};

use axum::{
    extract::{ConnectInfo, connect_info::Connected},
    middleware,
    serve::IncomingStream,
};
use http::{Request, Response};
use hyper::body::Incoming;
use serde_json::json;
use signalr::{Context, HubError, HubServer, LocalAddr, PeerAddr, Server, hub};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::Instant,
};

use crate::support::{
    since,
    web::{TEXT, Wire, ask, in_time, start, until},
};

struct Named(&'static str);

#[hub]
impl Named {
    pub fn name(&self) -> &'static str {
        self.0
    }

    pub fn peer(&self, cx: &Context<Self>) -> Option<SocketAddr> {
        cx.peer_addr()
    }

    pub fn local(&self, cx: &Context<Self>) -> Option<SocketAddr> {
        cx.local_addr()
    }

    pub fn user(&self, cx: &Context<Self>) -> Option<String> {
        cx.user_id().map(str::to_owned)
    }

    pub async fn tell(&self, cx: &Context<Self>, user: &str) -> Result<(), HubError> {
        Ok(cx.clients().user(user).send("told", ()).await?)
    }
}

async fn page(request: Request<Incoming>) -> Response<String> {
    Response::new(format!("page {}", request.uri().path()))
}

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let addr = listener.local_addr().expect("bound");
    (listener, addr)
}

#[tokio::test]
async fn one_server_has_several_hubs_and_pages_beside_them() {
    let server = Server::new()
        .mount(HubServer::new(Named("chat")).at("/chat"))
        .mount(HubServer::new(Named("feed")).at("/deep/feed"))
        .fallback(page);
    let addr = start(server).await;
    for (path, name) in [
        ("/chat", "chat"),
        ("/CHAT/", "chat"),
        ("/deep/feed", "feed"),
    ] {
        let mut wire = Wire::connect(addr, path).await;
        assert_eq!(wire.invoke("name", json!([])).await, name);
        assert_eq!(
            wire.invoke("peer", json!([])).await,
            wire.local_addr().to_string()
        );
    }
    for path in ["/", "/chats", "/chat/more", "/feed", "/negotiate", "/deep"] {
        let answer = ask(addr, "POST", path, "").await;
        assert_eq!((answer.status, answer.body), (200, format!("page {path}")));
    }
}

#[tokio::test]
async fn a_token_of_one_hub_opens_no_other() {
    let server = Server::new()
        .mount(HubServer::new(Named("a")).at("/a"))
        .mount(HubServer::new(Named("b")).at("/b"));
    let addr = start(server).await;
    let answer = ask(addr, "POST", "/a/negotiate?negotiateVersion=1", "").await;
    let token = answer.json()["connectionToken"].take();
    let token = token.as_str().expect("a token");
    let (_, refused) = Wire::upgrade(addr, &format!("/b?id={token}"), "").await;
    refused.expect_text(404, "No Connection with that ID");
    Wire::connect(addr, &format!("/a?id={token}")).await;
}

#[tokio::test]
async fn a_hub_is_a_tower_service_behind_plain_hyper() {
    let (listener, addr) = listen().await;
    let hub = HubServer::new(Named("hyper"));
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let service = hyper_util::service::TowerToHyperService::new(hub.clone());
            let io = hyper_util::rt::TokioIo::new(socket);
            let http = hyper::server::conn::http1::Builder::new();
            tokio::spawn(http.serve_connection(io, service).with_upgrades());
        }
    });
    let answer = ask(addr, "POST", "/negotiate?negotiateVersion=1", "").await;
    let token = answer.json()["connectionToken"].take();
    let token = token.as_str().expect("a token");
    let mut wire = Wire::connect(addr, &format!("/?id={token}")).await;
    assert_eq!(wire.invoke("name", json!([])).await, "hyper");
}

/// Both ends of a socket, as axum's listener knows them.
#[derive(Clone)]
struct Ends(PeerAddr, Option<LocalAddr>);

impl Connected<IncomingStream<'_, TcpListener>> for Ends {
    fn connect_info(stream: IncomingStream<'_, TcpListener>) -> Self {
        let local = stream.io().local_addr().ok().map(LocalAddr);
        Self(PeerAddr(*stream.remote_addr()), local)
    }
}

#[tokio::test]
async fn axum_tells_the_addresses_through_a_layer() {
    let (listener, addr) = listen().await;
    let layer = middleware::from_fn(
        async |ConnectInfo(Ends(peer, local)): ConnectInfo<Ends>,
               mut request: axum::extract::Request,
               next: middleware::Next| {
            request.extensions_mut().insert(peer);
            if let Some(local) = local {
                request.extensions_mut().insert(local);
            }
            next.run(request).await
        },
    );
    let app = axum::Router::new()
        .nest_service("/hub", HubServer::new(Named("axum")))
        .layer(layer)
        .into_make_service_with_connect_info::<Ends>();
    tokio::spawn(async move { axum::serve(listener, app).await });
    let mut wire = Wire::connect(addr, "/hub").await;
    let (peer, local) = (wire.local_addr().to_string(), addr.to_string());
    assert_eq!(wire.invoke("peer", json!([])).await, peer);
    assert_eq!(wire.invoke("local", json!([])).await, local);
}

#[tokio::test]
async fn a_nested_hub_has_two_paths_and_no_more() {
    let (listener, addr) = listen().await;
    let app = axum::Router::new().nest_service("/hub", HubServer::new(Named("axum")));
    tokio::spawn(async move { axum::serve(listener, app).await });
    for path in ["/hub/negotiate", "/hub/Negotiate/"] {
        assert_eq!(ask(addr, "POST", path, "").await.status, 200, "{path}");
    }
    for path in [
        "/hub/some/negotiate",
        "/hub/negotiate/negotiate",
        "/hub/some",
    ] {
        assert_eq!(ask(addr, "POST", path, "").await.status, 404, "{path}");
        let (_, refused) = Wire::upgrade(addr, path, "").await;
        assert_eq!(refused.status, 404, "{path}");
    }
    Wire::connect(addr, "/hub").await;
    Wire::connect(addr, "/hub/").await;
}

#[tokio::test]
async fn hyper_without_upgrades_ends_the_connection_cleanly() {
    let (listener, addr) = listen().await;
    let hub = HubServer::new(Named("hyper"));
    let served = hub.clone();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let service = hyper_util::service::TowerToHyperService::new(served.clone());
            let io = hyper_util::rt::TokioIo::new(socket);
            tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(io, service));
        }
    });
    let (mut wire, _) = Wire::upgrade(addr, "/", "").await;
    assert_eq!(wire.next().await, None);
    until(|| hub.connection_count() == 0).await;
}

#[tokio::test]
async fn an_axum_handler_sends_to_the_clients_of_a_hub() {
    let (listener, addr) = listen().await;
    let hub = HubServer::new(Named("axum"));
    let context = hub.context();
    let news = axum::routing::post(move |body: String| {
        let context = context.clone();
        async move {
            let sent = context.clients().all().send("news", (body,)).await;
            sent.map_err(|_| http::StatusCode::INTERNAL_SERVER_ERROR)
        }
    });
    let app = axum::Router::new()
        .route("/news/{id}", news)
        .nest_service("/hub", hub);
    tokio::spawn(async move { axum::serve(listener, app).await });
    let mut wires = [
        Wire::connect(addr, "/hub").await,
        Wire::connect(addr, "/hub").await,
    ];
    let answer = ask(addr, "POST", "/news/1", "").await;
    assert_eq!(answer.status, 200);
    for wire in &mut wires {
        let expected = json!({"type": 1, "target": "news", "arguments": [""]});
        assert_eq!(wire.messages().await, [expected]);
    }
}

#[tokio::test]
async fn the_user_can_come_from_the_query() {
    let hub = HubServer::builder(Named("users")).user_id(|parts| {
        let query = parts.uri.query()?;
        let pair = query.split('&').find_map(|pair| pair.strip_prefix("user="));
        pair.map(str::to_owned)
    });
    let hub = hub.build().expect("valid");
    let addr = start(Server::new().mount(hub.at("/hub"))).await;
    let mut ada = Wire::connect(addr, "/hub?user=ada").await;
    let mut none = Wire::connect(addr, "/hub?x=1").await;
    assert_eq!(ada.invoke("user", json!([])).await, "ada");
    assert_eq!(none.invoke("user", json!([])).await, json!(null));
    none.invoke("tell", json!(["ada"])).await;
    assert_eq!(ada.messages().await[0]["target"], "told");
}

#[tokio::test]
async fn a_hundred_clients_of_two_hubs_are_told_when_the_server_stops() {
    let (a, b) = (HubServer::new(Named("a")), HubServer::new(Named("b")));
    let server = Server::new().mount(a.at("/a")).mount(b.at("/b"));
    let bound = server.bind("127.0.0.1:0").await.expect("a free port");
    let addr = bound.local_addr().expect("bound");
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let served =
        tokio::spawn(bound.run_until(async { drop(stopped.await) }, Duration::from_secs(20)));
    let mut wires = Vec::new();
    for number in 0..100 {
        let path = if number % 2 == 0 { "/a" } else { "/b" };
        wires.push(Wire::connect(addr, path).await);
    }
    // A connection that waits between two requests does not hold the server up.
    let mut idle = Wire::open(addr).await;
    idle.ask("POST", "/a/negotiate", "").await;
    stop.send(()).expect("it runs");
    for wire in &mut wires {
        let close = b"{\"type\":7,\"allowReconnect\":true}\x1e".to_vec();
        assert_eq!(wire.next().await, Some((TEXT, close)));
        wire.expect_closed(1000).await;
    }
    in_time(served).await.expect("no panic");
    assert_eq!((a.connection_count(), b.connection_count()), (0, 0));
    assert!(TcpStream::connect(addr).await.is_err(), "nobody listens");
}

#[tokio::test(start_paused = true)]
async fn a_request_whose_head_never_ends_is_cut_off_after_thirty_seconds() {
    let addr = start(Server::new().mount(HubServer::new(Named("slow")).at("/hub"))).await;
    let mut socket = TcpStream::connect(addr).await.expect("it listens");
    let begun = Instant::now();
    let half = b"POST /hub/negotiate HTTP/1.1\r\nHost: test\r\n";
    socket.write_all(half).await.expect("it reads");
    let mut rest = Vec::new();
    socket.read_to_end(&mut rest).await.ok();
    let waited = since(begun);
    assert!((30_000..31_000).contains(&waited), "{waited}");
}

#[tokio::test]
async fn heads_that_are_too_large_are_refused_and_the_server_goes_on() {
    let addr = start(Server::new().mount(HubServer::new(Named("large")).at("/hub"))).await;
    let many = "X-Many: 1\r\n".repeat(200);
    let answer = ask(addr, "POST", "/hub/negotiate", &many).await;
    assert_eq!(answer.status, 431);
    let mut socket = TcpStream::connect(addr).await.expect("it listens");
    socket
        .write_all(b"GET / HTTP/1.1\r\nX-Long: ")
        .await
        .expect("it reads");
    let mut refused = false;
    for _ in 0..64 {
        refused |= in_time(socket.write_all(&[b'x'; 65_536])).await.is_err();
    }
    let mut rest = Vec::new();
    let ended = in_time(socket.read_to_end(&mut rest)).await;
    assert!(refused || ended.is_ok());
    assert_eq!(ask(addr, "POST", "/hub/negotiate", "").await.status, 200);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn many_clients_may_wait_to_be_accepted() {
    let allowed = std::fs::read_to_string("/proc/sys/net/core/somaxconn").expect("it is Linux");
    let allowed: usize = allowed.trim().parse().expect("a number");
    let server = signalr::Server::new().bind("127.0.0.1:0");
    let bound = server.await.expect("a free port");
    let addr = bound.local_addr().expect("bound");
    // Nobody is accepted yet. Who finds no place does not get through.
    let mut waiting = Vec::new();
    for _ in 0..allowed.min(400) {
        let connecting = tokio::net::TcpStream::connect(addr);
        waiting.push(in_time(connecting).await.expect("a place"));
    }
}
