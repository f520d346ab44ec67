//! Server-Sent Events and long polling over real sockets: what HTTP makes of them, and sockets that end in odd ways.

use std::{net::SocketAddr, time::Duration};

use serde_json::json;
use signalr::HubServer;
use tokio::time::Instant;

use crate::support::{
    Log, Room, since,
    web::{HANDSHAKE, Wire, ask, in_time, negotiate, serve, until},
};

const EVENTS: &str = "Accept: text/event-stream\r\n";
const NO_ID: &str = "No Connection with that ID";

async fn room() -> (HubServer<Room>, SocketAddr, Log) {
    let room = Room::default();
    let log = room.log.clone();
    let hub = HubServer::new(room);
    let addr = serve(&hub).await;
    (hub, addr, log)
}

/// Opens an event stream and shakes hands; the target of its requests.
async fn listen(addr: SocketAddr) -> (Wire, String) {
    let (_, token) = negotiate(addr).await;
    let target = format!("/hub?id={token}");
    let mut stream = Wire::open(addr).await;
    let answer = stream.ask("GET", &target, EVENTS).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("transfer-encoding"), Some("chunked"));
    assert_eq!(answer.header("content-length"), None);
    assert_eq!(stream.chunk().await.as_deref(), Some(":\r\n"));
    let mut post = Wire::open(addr).await;
    post.post(&target, HANDSHAKE).await.expect_text(200, "");
    let response = stream.chunk().await;
    assert_eq!(response.as_deref(), Some("data: {}\x1e\r\n\r\n"));
    (stream, target)
}

/// Opens a connection by its first poll and shakes hands.
async fn start_polling(addr: SocketAddr) -> (Wire, String) {
    let (_, token) = negotiate(addr).await;
    let target = format!("/hub?id={token}");
    let mut wire = Wire::open(addr).await;
    let answer = wire.ask("GET", &target, "").await;
    assert_eq!(
        (answer.status, answer.header("content-length")),
        (200, Some("0"))
    );
    wire.post(&target, HANDSHAKE).await.expect_text(200, "");
    let answer = wire.ask("GET", &target, "").await;
    assert_eq!(answer.body, "{}\x1e");
    assert_eq!(answer.header("content-length"), Some("3"));
    assert_eq!(answer.header("transfer-encoding"), None);
    (wire, target)
}

fn call(method: &str, arguments: serde_json::Value) -> Vec<u8> {
    let call = json!({"type": 1, "invocationId": "1", "target": method, "arguments": arguments});
    format!("{call}\x1e").into_bytes()
}

#[tokio::test]
async fn events_are_chunks_that_are_flushed_one_by_one_and_the_socket_can_be_used_again() {
    let (_, addr, _) = room().await;
    let (mut stream, target) = listen(addr).await;
    let mut post = Wire::open(addr).await;
    for number in 0..20 {
        let text = number.to_string();
        post.post(&target, &call("echo", json!([text]))).await;
        let event = format!(
            "data: {{\"type\":3,\"invocationId\":\"1\",\"result\":\"{text}\"}}\x1e\r\n\r\n"
        );
        assert_eq!(stream.chunk().await, Some(event));
    }
    post.post(&target, &call("closeMe", json!([null]))).await;
    let close = "data: {\"type\":7}\x1e\r\n\r\n";
    assert_eq!(stream.chunk().await.as_deref(), Some(close));
    assert_eq!(stream.chunk().await, None);
    assert_eq!(stream.ask("POST", "/hub/negotiate", "").await.status, 200);
}

#[tokio::test]
async fn the_end_of_polling_has_no_body_and_no_length() {
    let (_, addr, _) = room().await;
    let (mut wire, target) = start_polling(addr).await;
    wire.post(&target, &call("closeMe", json!([null]))).await;
    let last = wire.ask("GET", &target, "").await;
    assert!(last.body.ends_with("{\"type\":7}\x1e"), "{last:?}");
    let end = wire.ask("GET", &target, "").await;
    end.expect_text(204, "");
    assert_eq!(end.header("content-length"), None);
    until_not_found(&mut wire, &target).await;
}

async fn until_not_found(wire: &mut Wire, target: &str) {
    in_time(async {
        loop {
            let answer = wire.ask("GET", target, "").await;
            assert_eq!(answer.status, 404);
            if answer.body == NO_ID {
                return;
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_large_answer_arrives_whole() {
    let (_, addr, _) = room().await;
    let size = 3_000_000;
    let (mut wire, target) = start_polling(addr).await;
    wire.post(&target, &call("large", json!([size]))).await;
    let answer = wire.ask("GET", &target, "").await;
    assert!(answer.body.len() > size && answer.body.ends_with("x\"}\x1e"));
    let (mut stream, target) = listen(addr).await;
    wire.post(&target, &call("large", json!([size]))).await;
    let mut event = String::new();
    while !event.ends_with("\r\n\r\n") {
        event += &stream.chunk().await.expect("open");
    }
    assert!(event.len() > size && event.starts_with("data: {"));
}

#[tokio::test]
async fn a_client_whose_stream_breaks_is_gone_at_once() {
    let (hub, addr, log) = room().await;
    for halfway in [true, false] {
        let (mut stream, target) = listen(addr).await;
        if halfway {
            // It only stops sending, and yet will never send again.
            stream.finish().await;
        } else {
            drop(stream);
        }
        until(|| hub.connection_count() == 0).await;
        ask(addr, "POST", &target, "").await.expect_text(404, NO_ID);
    }
    assert_eq!(log.all(), ["connected", "gone", "connected", "gone"]);
}

#[tokio::test]
async fn a_stream_that_nobody_reads_is_cut_off_at_its_socket() {
    let room = Room::default();
    let hub = HubServer::builder(room.clone()).send_timeout(Duration::from_millis(500));
    let hub = hub.build().expect("valid");
    let addr = serve(&hub).await;
    let (mut stream, target) = listen(addr).await;
    let mut post = Wire::open(addr).await;
    // More than any socket buffers.
    let call = call("tellAll", json!([100_000, 1_000]));
    post.post(&target, &call).await.expect_text(200, "");
    until(|| hub.connection_count() == 0).await;
    assert!(room.log.count("told") < 1_000);
    let rest = in_time(stream.rest()).await;
    assert!(
        !rest.is_empty() && !rest.ends_with(b"0\r\n\r\n"),
        "a good end"
    );
}

#[tokio::test]
async fn a_poll_whose_socket_breaks_makes_room_and_loses_nothing() {
    let (_, addr, _) = room().await;
    let (mut wire, target) = start_polling(addr).await;
    for number in 0..20 {
        let mut broken = Wire::open(addr).await;
        let poll = format!("GET {target} HTTP/1.1\r\nHost: test\r\n\r\n");
        broken.send(poll.as_bytes()).await;
        if number % 2 == 0 {
            broken.finish().await;
        }
        drop(broken);
        let text = number.to_string();
        let mut post = Wire::open(addr).await;
        // The broken poll may still be there and take the answer along: nobody can know better than the network.
        tokio::time::sleep(Duration::from_millis(20)).await;
        post.post(&target, &call("echo", json!([text]))).await;
        let answer = wire.ask("GET", &target, "").await;
        assert!(
            answer.body.contains(&format!("\"result\":\"{text}\"")),
            "{answer:?}"
        );
    }
}

#[tokio::test]
async fn a_body_of_ten_gigabytes_is_refused_before_it_comes() {
    let (_, addr, log) = room().await;
    let (_stream, target) = listen(addr).await;
    let mut wire = Wire::open(addr).await;
    let head =
        format!("POST {target} HTTP/1.1\r\nHost: test\r\nContent-Length: 10000000000\r\n\r\n");
    wire.send(head.as_bytes()).await;
    let answer = wire.answer("POST").await;
    answer.expect_text(
        413,
        "The body is larger than `max_body_size` (30000000) bytes.",
    );
    assert!(wire.is_ended().await);
    let mut next = Wire::open(addr).await;
    next.post(&target, &call("record", json!(["next"]))).await;
    until(|| log.count("next") == 1).await;
}

#[tokio::test]
async fn a_body_without_an_end_is_cut_off_at_the_receive_limit() {
    let (hub, addr, _) = room().await;
    let (mut stream, target) = listen(addr).await;
    let mut wire = Wire::open(addr).await;
    let head =
        format!("POST {target} HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n");
    wire.send(head.as_bytes()).await;
    let chunk = format!("400\r\n{}\r\n", "x".repeat(1024));
    for _ in 0..40 {
        if !wire.try_send(chunk.as_bytes()).await {
            break;
        }
    }
    wire.answer("POST").await.expect_text(404, "");
    let close = "data: {\"type\":7,\"error\":\"Connection closed with an error.\",\"allowReconnect\":true}\x1e\r\n\r\n";
    assert_eq!(stream.chunk().await.as_deref(), Some(close));
    assert_eq!(stream.chunk().await, None);
    until(|| hub.connection_count() == 0).await;
    // The rest of the body is not waited for.
    in_time(async { while wire.try_send(chunk.as_bytes()).await {} }).await;
}

#[tokio::test]
async fn a_body_that_breaks_off_leaves_what_came_whole() {
    let (_, addr, log) = room().await;
    let (_stream, target) = listen(addr).await;
    let mut wire = Wire::open(addr).await;
    let head = format!("POST {target} HTTP/1.1\r\nHost: test\r\nContent-Length: 1000\r\n\r\n");
    let whole = call("record", json!(["whole"]));
    wire.send(&[head.as_bytes(), &whole].concat()).await;
    until(|| log.count("whole") == 1).await;
    drop(wire);
    let mut next = Wire::open(addr).await;
    next.post(&target, &call("record", json!(["next"]))).await;
    until(|| log.count("next") == 1).await;
}

#[tokio::test]
async fn ten_posts_at_once_are_all_taken_and_answered() {
    let (_, addr, _) = room().await;
    let (mut stream, target) = listen(addr).await;
    let posts = (0..10).map(|number: u32| {
        let target = target.clone();
        tokio::spawn(async move {
            let mut wire = Wire::open(addr).await;
            let call = call("echo", json!([number.to_string()]));
            wire.post(&target, &call).await.expect_text(200, "");
        })
    });
    for post in posts.collect::<Vec<_>>() {
        post.await.expect("taken");
    }
    let mut answers = String::new();
    while answers.matches("\"result\"").count() < 10 {
        answers += &stream.chunk().await.expect("open");
    }
    for number in 0..10 {
        assert!(answers.contains(&format!("\"result\":\"{number}\"")));
    }
}

#[tokio::test]
async fn expect_continue_is_answered_before_the_body_comes() {
    let (_, addr, log) = room().await;
    let (_stream, target) = listen(addr).await;
    let body = call("record", json!(["awaited"]));
    let mut wire = Wire::open(addr).await;
    let length = body.len();
    let head = format!(
        "POST {target} HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\nContent-Length: {length}\r\n\r\n"
    );
    wire.send(head.as_bytes()).await;
    assert_eq!(wire.answer("GET").await.status, 100);
    wire.send(&body).await;
    wire.answer("POST").await.expect_text(200, "");
    until(|| log.count("awaited") == 1).await;
}

#[tokio::test(start_paused = true)]
async fn a_body_that_trickles_is_given_up_and_its_socket_closed() {
    let (_, addr, _) = room().await;
    let (_, token) = negotiate(addr).await;
    let target = format!("/hub?id={token}");
    let mut polls = Wire::open(addr).await;
    polls.ask("GET", &target, "").await;
    let mut wire = Wire::open(addr).await;
    let head = format!("POST {target} HTTP/1.1\r\nHost: test\r\nContent-Length: 100\r\n\r\nx");
    let start = Instant::now();
    wire.send(head.as_bytes()).await;
    wire.answer("POST").await.expect_text(408, "");
    assert!(wire.is_ended().await);
    assert!((14_900..16_000).contains(&since(start)), "{}", since(start));
}

#[tokio::test]
async fn five_hundred_connections_of_each_kind_never_meet_a_cap_of_five() {
    let hub = HubServer::builder(Room::default()).max_negotiations(5);
    let hub = hub.build().expect("valid");
    let addr = serve(&hub).await;
    let mut wire = Wire::open(addr).await;
    for _ in 0..500 {
        let answer = wire
            .ask("POST", "/hub/negotiate?negotiateVersion=1", "")
            .await;
        let token = answer.json()["connectionToken"].take();
        let target = format!("/hub?id={}", token.as_str().expect("a token"));
        assert_eq!(wire.ask("GET", &target, "").await.status, 200);
        wire.ask("DELETE", &target, "").await.expect_text(202, "");
    }
    for _ in 0..500 {
        let answer = wire
            .ask("POST", "/hub/negotiate?negotiateVersion=1", "")
            .await;
        let token = answer.json()["connectionToken"].take();
        let target = format!("/hub?id={}", token.as_str().expect("a token"));
        let mut stream = Wire::open(addr).await;
        assert_eq!(stream.ask("GET", &target, EVENTS).await.status, 200);
    }
    assert_eq!(hub.negotiation_count(), 0);
    hub.closed().await;
}

#[tokio::test]
async fn a_hub_in_axum_offers_all_transports() {
    let room = Room::default();
    let app = axum::Router::new().nest_service("/hub", HubServer::new(room));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("free");
    let addr = listener.local_addr().expect("bound");
    tokio::spawn(async move { axum::serve(listener, app).await });
    let (mut stream, target) = listen(addr).await;
    let mut post = Wire::open(addr).await;
    post.post(&target, &call("echo", json!(["x"]))).await;
    assert!(
        stream
            .chunk()
            .await
            .expect("open")
            .contains("\"result\":\"x\"")
    );
    let (mut wire, target) = start_polling(addr).await;
    wire.post(&target, &call("echo", json!(["x"]))).await;
    assert!(
        wire.ask("GET", &target, "")
            .await
            .body
            .contains("\"result\":\"x\"")
    );
    wire.ask("DELETE", &target, "").await.expect_text(202, "");
}
