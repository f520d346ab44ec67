//! HTTP/2 at its limits: unused and hostile clients, and the server's end.

use std::{net::SocketAddr, time::Duration};

use serde_json::json;
use signalr::{HubServer, Server};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::Instant,
};

use crate::support::{
    Room,
    http2::{Http2, piece},
    since,
    tls::tls,
    web::{HANDSHAKE, in_time, start, until},
};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const RESET: u8 = 3;
const GOAWAY: u8 = 7;
const ENHANCE_YOUR_CALM: u32 = 11;

async fn room() -> SocketAddr {
    let hub = HubServer::new(Room::default());
    start(Server::new().mount(hub.at("/hub"))).await
}

/// A frame of a stream: length, kind, flags, stream, payload.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("short").to_be_bytes();
    let head = [length[1], length[2], length[3], kind, flags];
    [&head, &stream.to_be_bytes()[..], payload].concat()
}

/// What every client begins with.
fn greeting() -> Vec<u8> {
    [PREFACE, &frame(4, 0, 0, b"")].concat()
}

/// A whole request for `/hub`, with indexed and literal header fields (RFC 7541).
fn request(stream: u32) -> Vec<u8> {
    let head = b"\x82\x86\x41\x04test\x44\x04/hub";
    frame(1, 0b101, stream, head)
}

/// The codes of all GOAWAY frames.
fn goaways(mut bytes: &[u8]) -> Vec<u32> {
    let mut codes = Vec::new();
    while let [a, b, c, kind, rest @ ..] = bytes {
        let length = usize::from(*a) << 16 | usize::from(*b) << 8 | usize::from(*c);
        let Some(payload) = rest.get(5..5 + length) else {
            break;
        };
        if *kind == GOAWAY {
            codes.push(u32::from_be_bytes(payload[4..8].try_into().expect("four")));
        }
        bytes = &rest[5 + length..];
    }
    codes
}

/// Sends something and reads until the server closes: all that came, and after how many milliseconds.
async fn exchange(addr: SocketAddr, bytes: &[u8]) -> (Vec<u8>, u64) {
    let mut socket = TcpStream::connect(addr).await.expect("it listens");
    let begun = Instant::now();
    let (mut read, mut write) = socket.split();
    let mut answer = Vec::new();
    let send = async {
        // The server may have closed before it has read everything.
        write.write_all(bytes).await.ok();
    };
    let receive = async { read.read_to_end(&mut answer).await.ok() };
    futures_util::future::join(send, receive).await;
    (answer, since(begun))
}

#[tokio::test(start_paused = true)]
async fn who_begins_and_says_no_more_is_cut_off() {
    let addr = room().await;
    for (bytes, seconds, told) in [
        (&PREFACE[..2], 30, false),
        (&PREFACE[..4], 60, false),
        // These do not answer a ping either.
        (PREFACE, 50, true),
        (&greeting()[..], 50, true),
        // Half a request.
        (&[&greeting()[..], &request(1)[..9]].concat(), 50, true),
    ] {
        let (answer, waited) = exchange(addr, bytes).await;
        let expected = seconds * 1_000..=seconds * 1_000 + 1_000;
        assert!(expected.contains(&waited), "{bytes:?}: {waited}");
        let polite = goaways(&answer).contains(&0);
        assert_eq!(polite, told, "{bytes:?}: {answer:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_unused_connection_is_closed_and_a_used_one_is_not() {
    let addr = room().await;
    let (mut unused, mut used) = (Http2::clear(addr).await, Http2::clear(addr).await);
    unused.negotiate().await;
    let mut socket = used.join("/hub").await;
    let begun = Instant::now();
    let unused = async {
        let ended = unused.ended.await;
        ended.expect("no panic").expect("a clean end");
        since(begun)
    };
    let pings = async {
        for _ in 0..12 {
            tokio::time::sleep(Duration::from_secs(10)).await;
            socket.tell(r#"{"type":6}"#).await;
        }
        let call = json!({"type": 1, "invocationId": "1", "target": "echo", "arguments": ["x"]});
        socket.tell(&call.to_string()).await;
        loop {
            let messages = socket.messages().await;
            if messages.iter().any(|message| message["type"] == 3) {
                break;
            }
        }
    };
    let (waited, ()) = futures_util::future::join(unused, pings).await;
    assert!((30_000..=31_000).contains(&waited), "{waited}");
}

#[tokio::test]
async fn a_flood_of_requests_that_are_taken_back_ends_its_own_connection_only() {
    let addr = room().await;
    let mut other = Http2::clear(addr).await;
    let mut socket = other.join("/hub").await;
    let mut flood = greeting();
    for number in 0..20_000 {
        let stream = 2 * number + 1;
        flood.extend(request(stream));
        flood.extend(frame(RESET, 0, stream, &8u32.to_be_bytes()));
    }
    let (answer, _) = in_time(exchange(addr, &flood)).await;
    assert_eq!(goaways(&answer), [ENHANCE_YOUR_CALM]);
    assert_eq!(socket.invoke("echo", json!(["here"])).await, "here");
}

#[tokio::test]
async fn what_is_no_http2_after_its_first_bytes_ends_the_connection() {
    let addr = room().await;
    for bytes in [
        &b"PRI /hub HTTP/1.1\r\nHost: test\r\n\r\n"[..],
        // A frame that is longer than was agreed, a request with an even number, one whose head cannot be decoded.
        &[&greeting()[..], &[0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 1]].concat(),
        &[greeting(), request(2)].concat(),
        &[greeting(), frame(1, 0b101, 1, b"\xff\xff\xff\xff\xff")].concat(),
    ] {
        let (answer, _) = in_time(exchange(addr, bytes)).await;
        assert!(!goaways(&answer).contains(&0), "{bytes:?}: {answer:?}");
    }
    Http2::clear(addr).await.join("/hub").await;
}

#[tokio::test]
async fn heads_that_are_too_large_are_refused_and_the_connection_goes_on() {
    let mut client = Http2::clear(room().await).await;
    client.negotiate().await;
    let large = "x".repeat(40_000);
    let headers = [("x-large", &*large)];
    let answer = client.ask("POST", "/hub/negotiate", &headers, "").await;
    assert_eq!(answer.status(), 431);
    client.negotiate().await;
}

#[tokio::test]
async fn a_server_that_stops_says_goodbye_on_every_transport_and_waits_for_the_answers() {
    for with_tls in [false, true] {
        let room = Room::default();
        let hub = HubServer::new(room.clone());
        let server = Server::new().mount(hub.at("/hub"));
        let server = if with_tls { server.tls(tls()) } else { server };
        let bound = server.bind("127.0.0.1:0").await.expect("a free port");
        let addr = bound.local_addr().expect("bound");
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let hour = Duration::from_secs(3_600);
        let served = tokio::spawn(bound.run_until(async { drop(stopped.await) }, hour));
        let connect = || async move {
            match with_tls {
                false => Http2::clear(addr).await,
                true => Http2::secure(addr).await,
            }
        };
        let (mut client, mut idle) = (connect().await, connect().await);
        idle.negotiate().await;
        let mut socket = client.join("/hub").await;
        let target = client.negotiate().await;
        let accept = [("accept", "text/event-stream")];
        let events = client.ask("GET", &target, &accept, "").await;
        let mut events = events.into_body();
        assert_eq!(client.fetch("POST", &target, HANDSHAKE).await.0, 200);
        for _ in 0..2 {
            piece(&mut events).await.expect("open");
        }
        until(|| room.log.count("connected") == 2).await;
        stop.send(()).expect("it runs");
        let close = r#"{"type":7,"allowReconnect":true}"#;
        assert_eq!(
            socket.messages().await,
            [json!({"type": 7, "allowReconnect": true})]
        );
        socket.expect_closed(1000).await;
        let last = format!("data: {close}\x1e\r\n\r\n");
        assert_eq!(piece(&mut events).await, Some(last));
        assert_eq!(piece(&mut events).await, None);
        for ended in [client.ended, idle.ended] {
            let ended = in_time(ended).await.expect("no panic");
            ended.expect("a clean end");
        }
        in_time(served).await.expect("no panic");
        assert_eq!(hub.connection_count(), 0);
        assert!(TcpStream::connect(addr).await.is_err(), "nobody listens");
    }
}
