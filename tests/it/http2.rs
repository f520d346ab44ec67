//! HTTP/2: every transport over it, WebSockets by extended CONNECT (RFC 8441), and how these end.

use std::net::SocketAddr;

use futures_util::future::{Either, select};
use serde_json::json;
use signalr::{HttpTransportType, HubServer, Server};
use tokio::net::TcpListener;

use crate::{
    support::{
        Log, Room,
        http2::{Http2, piece, read},
        tls::tls,
        web::{CLOSE, HANDSHAKE, TEXT, Wire, ask, in_time, masked, start, until},
    },
    tls::Shown,
};

const VERSION: [(&str, &str); 1] = [("sec-websocket-version", "13")];
const EVENTS: [(&str, &str); 1] = [("accept", "text/event-stream")];
const SEEN: &[u8] = b"{\"type\":1,\"invocationId\":\"1\",\"target\":\"seen\",\"arguments\":[]}\x1e";

/// One hub with clear text, and with TLS.
async fn both() -> (HubServer<Shown>, [Http2; 2]) {
    let hub = HubServer::new(Shown);
    let clear = start(Server::new().mount(hub.at("/hub"))).await;
    let secure = start(Server::new().tls(tls()).mount(hub.at("/hub"))).await;
    let clients = [Http2::clear(clear).await, Http2::secure(secure).await];
    (hub, clients)
}

async fn room() -> (HubServer<Room>, Room, SocketAddr) {
    let room = Room::default();
    let hub = HubServer::new(room.clone());
    let addr = start(Server::new().mount(hub.at("/hub"))).await;
    (hub, room, addr)
}

fn seen(transport: &str) -> String {
    let result = json!(["HTTP/2.0", transport, []]);
    format!("{{\"type\":3,\"invocationId\":\"1\",\"result\":{result}}}\x1e")
}

#[tokio::test]
async fn websockets_are_streams_of_one_connection() {
    let (hub, clients) = both().await;
    for mut client in clients {
        let negotiated = client.negotiate().await;
        let mut sockets = vec![client.join("/hub").await, client.join(&negotiated).await];
        for _ in 0..50 {
            sockets.push(client.join("/hub").await);
        }
        for (number, socket) in sockets.iter_mut().enumerate() {
            let result = socket.invoke("seen", json!([])).await;
            assert_eq!(result, json!(["HTTP/2.0", "WebSockets", []]));
            let text = number.to_string();
            assert_eq!(socket.invoke("echo", json!([text])).await, json!(text));
        }
        assert_eq!(hub.connection_count(), 52);
        drop(sockets);
        until(|| hub.connection_count() == 0).await;
        // The connection itself goes on.
        client.negotiate().await;
    }
}

#[tokio::test]
async fn events_posts_and_polls_work_as_over_http1() {
    let (hub, clients) = both().await;
    for mut client in clients {
        let target = client.negotiate().await;
        let events = client.ask("GET", &target, &EVENTS, "").await;
        assert_eq!(events.status(), 200);
        assert_eq!(events.version(), http::Version::HTTP_2);
        let mut events = events.into_body();
        assert_eq!(piece(&mut events).await.as_deref(), Some(":\r\n"));
        assert_eq!(client.fetch("POST", &target, HANDSHAKE).await.0, 200);
        let answer = piece(&mut events).await;
        assert_eq!(answer.as_deref(), Some("data: {}\x1e\r\n\r\n"));
        assert_eq!(client.fetch("POST", &target, SEEN).await.0, 200);
        let answer = format!("data: {}\r\n\r\n", seen("ServerSentEvents"));
        assert_eq!(piece(&mut events).await, Some(answer));
        drop(events);
        until(|| hub.connection_count() == 0).await;

        let target = client.negotiate().await;
        assert_eq!(
            client.fetch("GET", &target, b"").await,
            (200, String::new())
        );
        assert_eq!(client.fetch("POST", &target, HANDSHAKE).await.0, 200);
        let answer = client.fetch("GET", &target, b"").await;
        assert_eq!(answer, (200, "{}\x1e".to_owned()));
        assert_eq!(client.fetch("POST", &target, SEEN).await.0, 200);
        let answer = client.fetch("GET", &target, b"").await;
        assert_eq!(answer, (200, seen("LongPolling")));
        assert_eq!(client.fetch("DELETE", &target, b"").await.0, 202);
        until(|| hub.connection_count() == 0).await;
        assert_eq!(client.fetch("GET", &target, b"").await.0, 404);
    }
}

#[tokio::test]
async fn an_extended_connect_is_checked_as_an_upgrade_is() {
    let hub = HubServer::new(Shown);
    let events = HubServer::builder(Shown).transports([HttpTransportType::ServerSentEvents]);
    let events = events.build().expect("valid");
    let server = Server::new()
        .mount(hub.at("/hub"))
        .mount(events.at("/events"));
    let mut client = Http2::clear(start(server).await).await;
    let used = client.negotiate().await;
    let _socket = client.join(&used).await;
    let old = [("sec-websocket-version", "8")];
    let foreign = [VERSION[0], ("origin", "https://evil.example")];
    for (target, protocol, headers, status, text) in [
        ("/hub", "websocket", &[][..], 426, "Only version 13"),
        ("/hub", "websocket", &old, 426, "Only version 13"),
        (
            "/hub",
            "websocket",
            &foreign,
            403,
            "The origin 'https://evil.example'",
        ),
        ("/hub", "webtransport", &VERSION, 405, ""),
        ("/hub/negotiate", "websocket", &VERSION, 405, ""),
        (
            "/hub?id=nobody",
            "websocket",
            &VERSION,
            404,
            "No Connection with that ID",
        ),
        (&used, "websocket", &VERSION, 409, ""),
        (
            "/events",
            "websocket",
            &VERSION,
            404,
            "WebSockets transport not supported",
        ),
        ("/nowhere", "websocket", &VERSION, 404, "Nothing is here."),
    ] {
        let response = client.connect(target, protocol, headers).await;
        if status == 426 {
            assert_eq!(response.headers()["sec-websocket-version"], "13");
        }
        let (found, body) = read(response).await;
        assert_eq!(found, status, "{target} {protocol} {headers:?}: {body}");
        assert!(
            body.starts_with(text),
            "{target} {protocol} {headers:?}: {body}"
        );
    }
    assert_eq!(hub.connection_count(), 1);
    // What accepts has none of the headers that HTTP/1.1 needs.
    let response = client.connect("/hub", "WebSocket", &VERSION).await;
    assert_eq!(response.status(), 200);
    for name in [
        "sec-websocket-accept",
        "upgrade",
        "connection",
        "content-length",
    ] {
        assert_eq!(response.headers().get(name), None, "{name}");
    }
}

#[tokio::test]
async fn a_websocket_ends_with_its_stream_however_that_ends() {
    let (hub, room, addr) = room().await;
    let gone = |log: &Log| log.count("gone");
    let mut client = Http2::clear(addr).await;
    let mut bystander = client.join("/hub").await;

    // With a close frame, as it should.
    let mut socket = client.join("/hub").await;
    socket.send(&masked(CLOSE, &1000u16.to_be_bytes())).await;
    let close = Some((CLOSE, 1000u16.to_be_bytes().to_vec()));
    assert_eq!(socket.next().await, close);
    assert_eq!(socket.next().await, None, "the server ends its side");
    until(|| gone(&room.log) == 1).await;

    // With the end of the stream.
    let mut socket = client.join("/hub").await;
    socket.finish().await;
    until(|| gone(&room.log) == 2).await;
    let mut last = None;
    while let Some(frame) = socket.next().await {
        last = Some(frame);
    }
    assert_eq!(last.expect("a close frame").0, CLOSE);

    // With a reset: nothing is read or written any more.
    let socket = client.join("/hub").await;
    drop(socket);
    until(|| gone(&room.log) == 3).await;

    // With the server's end of it.
    let mut socket = client.join("/hub").await;
    socket.frame(TEXT, b"no hub message\x1e").await;
    let mut last = None;
    while let Some(frame) = socket.next().await {
        last = Some(frame);
    }
    assert_eq!(last.expect("a close frame").0, CLOSE);
    until(|| hub.connection_count() == 1).await;

    assert_eq!(bystander.invoke("echo", json!(["here"])).await, "here");
    // With the socket below.
    client.ended.abort();
    drop((client, bystander));
    until(|| hub.connection_count() == 0).await;
}

#[tokio::test]
async fn a_connection_that_is_not_read_does_not_stop_others_on_the_same_socket() {
    let (_, room, addr) = room().await;
    let mut client = Http2::clear(addr).await;
    let mut busy = Vec::new();
    for _ in 0..20 {
        busy.push(client.join("/hub").await);
    }
    let mut free = client.join("/hub").await;
    let sending = busy.into_iter().map(|mut socket| {
        tokio::spawn(async move {
            let wait = json!({"type": 1, "invocationId": "w", "target": "wait", "arguments": []});
            socket.tell(&wait.to_string()).await;
            // Far more than the server reads ahead, and than a window holds.
            let text = "x".repeat(10_000);
            let call = json!({"type": 1, "target": "echo", "arguments": [text]});
            for _ in 0..60 {
                socket.tell(&call.to_string()).await;
            }
            assert_eq!(socket.messages().await[0]["invocationId"], "w");
        })
    });
    let sending: Vec<_> = sending.collect();
    for number in 0..100 {
        let text = number.to_string();
        assert_eq!(free.invoke("echo", json!([text])).await, json!(text));
    }
    assert!(sending.iter().all(|sending| !sending.is_finished()));
    room.gate.add_permits(20);
    for sending in sending {
        in_time(sending).await.expect("all is read in the end");
    }
}

#[tokio::test]
async fn a_hundred_requests_run_at_once_and_further_ones_wait() {
    let (_, _, addr) = room().await;
    let mut client = Http2::clear(addr).await;
    client.negotiate().await;
    let mut sockets = Vec::new();
    for _ in 0..100 {
        sockets.push(client.join("/hub").await);
    }
    let mut last = sockets.pop().expect("a hundred");
    let further = Box::pin(client.negotiate());
    let echoes = Box::pin(async {
        for _ in 0..20 {
            assert_eq!(last.invoke("echo", json!(["here"])).await, "here");
        }
    });
    let Either::Right(((), further)) = select(further, echoes).await else {
        panic!("the hundred-and-first request is answered");
    };
    drop(last);
    further.await;
    assert_eq!(sockets.len(), 99);
}

#[tokio::test]
async fn a_connect_to_no_hub_is_refused_whatever_pages_there_are() {
    let pages = async |_| http::Response::new("a page".to_owned());
    let server = Server::new()
        .mount(HubServer::new(Shown).at("/hub"))
        .fallback(pages);
    let addr = start(server).await;
    let mut client = Http2::clear(addr).await;
    let page = client.fetch("GET", "/nowhere", b"").await;
    assert_eq!(page, (200, "a page".to_owned()));
    // 200 would say that there is a WebSocket now.
    for protocol in ["websocket", "webtransport"] {
        let response = client.connect("/nowhere", protocol, &VERSION).await;
        assert_eq!(read(response).await, (404, "Nothing is here.".to_owned()));
    }
    // Nor is there a tunnel to anywhere, over either version.
    let answer = ask(addr, "CONNECT", "example.test:443", "").await;
    assert_eq!(answer.status, 404);
    let tunnel = client.tunnel("example.test:443").await;
    assert_eq!(read(tunnel).await.0, 404);
}

#[tokio::test]
async fn axum_serves_websockets_over_http2() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let addr = listener.local_addr().expect("bound");
    let app = axum::Router::new().nest_service("/hub", HubServer::new(Shown));
    tokio::spawn(async move { axum::serve(listener, app).await });
    let mut client = Http2::clear(addr).await;
    let target = client.negotiate().await;
    let mut socket = client.join(&target).await;
    let seen = socket.invoke("seen", json!([])).await;
    assert_eq!(seen, json!(["HTTP/2.0", "WebSockets", []]));
}

#[tokio::test]
async fn http1_is_told_from_http2_by_its_first_bytes() {
    let (_, _, addr) = room().await;
    // As little as a socket can bring at once.
    let mut wire = Wire::open(addr).await;
    for byte in b"POST /hub/negotiate HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\n\r\n" {
        wire.send(&[*byte]).await;
    }
    assert_eq!(wire.answer("POST").await.status, 200);
    for method in ["P", "PR", "PRI-", "PROPFIND", "PRINT", "GET"] {
        assert_eq!(
            ask(addr, method, "/nowhere", "").await.status,
            404,
            "{method}"
        );
    }
    let mut wire = Wire::open(addr).await;
    wire.send(b"PR").await;
    wire.finish().await;
    wire.rest().await;
    let mut wire = Wire::connect(addr, "/hub").await;
    assert_eq!(wire.invoke("echo", json!(["here"])).await, "here");
}
