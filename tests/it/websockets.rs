//! WebSockets, frame by frame.

use std::{net::SocketAddr, time::Duration};

use signalr::{Context, Error, HubError, HubServer, Server, hub};

use crate::{
    http::serve,
    support::{
        Log,
        http::{Http, UPGRADE, frame},
    },
};

const SHAKE: &[u8] = b"{\"protocol\":\"json\",\"version\":1}\x1e";
const SHAKE_MESSAGEPACK: &[u8] = b"{\"protocol\":\"messagepack\",\"version\":1}\x1e";
const CLOSE_1000: [u8; 4] = [0x88, 0x02, 0x03, 0xe8];

struct Echo(Log);

#[hub]
impl Echo {
    async fn on_disconnected(&self, _: &Context<Self>, reason: Option<&Error>) {
        self.0
            .note(reason.map(ToString::to_string).unwrap_or_default());
    }

    pub fn echo(&self, text: String) -> String {
        text
    }

    pub fn bye(&self, cx: &Context<Self>) {
        cx.close(Some("bye"), true);
    }

    pub async fn all(&self, cx: &Context<Self>, number: u32) -> Result<(), HubError> {
        Ok(cx.clients().all().send("number", (number,)).await?)
    }
}

async fn echo() -> (HubServer<Echo>, SocketAddr, Log) {
    let log = Log::default();
    let hub = HubServer::new(Echo(log.clone()));
    let addr = serve(Server::new().mount(hub.at("/hub"))).await;
    (hub, addr, log)
}

async fn open(addr: SocketAddr, query: &str) -> (u16, Http) {
    let mut http = Http::connect(addr).await;
    let answer = http
        .request(&format!("GET /hub{query}"), UPGRADE, b"")
        .await;
    (answer.status, http)
}

async fn connect(addr: SocketAddr) -> Http {
    let (status, mut http) = open(addr, "").await;
    assert_eq!(status, 101);
    http.send_frame(0x81, SHAKE).await;
    assert_eq!(
        http.frame().await.expect("open"),
        [0x81, 0x03, 0x7b, 0x7d, 0x1e]
    );
    http
}

async fn connect_messagepack(addr: SocketAddr) -> Http {
    let (status, mut http) = open(addr, "").await;
    assert_eq!(status, 101);
    http.send_frame(0x81, SHAKE_MESSAGEPACK).await;
    assert_eq!(
        http.frame().await.expect("open"),
        [0x82, 0x03, 0x7b, 0x7d, 0x1e]
    );
    http
}

fn call(id: usize, text: &str) -> String {
    format!(
        "{{\"type\":1,\"invocationId\":\"{id}\",\"target\":\"echo\",\"arguments\":[\"{text}\"]}}\u{1e}"
    )
}

fn answer(id: usize, text: &str) -> String {
    format!("{{\"type\":3,\"invocationId\":\"{id}\",\"result\":\"{text}\"}}\u{1e}")
}

#[tokio::test]
async fn opcodes_and_fragments_do_not_matter() {
    let (_, addr, _) = echo().await;
    let mut http = connect(addr).await;
    http.send_frame(0x82, call(1, "binary").as_bytes()).await;
    assert_eq!(http.text().await, answer(1, "binary"));
    let message = call(2, "cut");
    let (head, tail) = message.as_bytes().split_at(9);
    http.send_frame(0x01, head).await;
    http.send_frame(0x89, b"are you there").await;
    http.send_frame(0x80, tail).await;
    assert_eq!(http.frame().await.expect("open"), b"\x8a\x0dare you there");
    assert_eq!(http.text().await, answer(2, "cut"));
    http.send_frame(0x81, head).await;
    http.send_frame(0x82, tail).await;
    assert_eq!(http.text().await, answer(2, "cut"));
}

#[tokio::test]
async fn messagepack_goes_out_in_binary_frames_from_the_handshake_on_and_comes_in_any() {
    let (hub, addr, _) = echo().await;
    let mut http = connect_messagepack(addr).await;
    // echo("hi") as id "1", whole and cut in two frames
    let call = b"\x0e\x95\x01\x80\xa11\xa4echo\x91\xa2hi";
    let answer = b"\x82\x0a\x09\x95\x03\x80\xa11\x03\xa2hi";
    for first in [0x82, 0x81] {
        http.send_frame(first, call).await;
        assert_eq!(http.frame().await.expect("open"), answer);
    }
    http.send_frame(0x02, &call[..5]).await;
    http.send_frame(0x80, &call[5..]).await;
    assert_eq!(http.frame().await.expect("open"), answer);
    // Two calls in one frame, and one call in two messages of WebSockets.
    http.send_frame(0x82, &[&call[..], call, &call[..1]].concat())
        .await;
    http.send_frame(0x82, &call[1..]).await;
    let (mut answers, mut frames) = (Vec::new(), 0);
    while answers.len() < 3 * answer[2..].len() {
        let frame = http.frame().await.expect("open");
        assert_eq!(frame[0], 0x82);
        answers.extend_from_slice(&frame[2..]);
        frames += 1;
    }
    assert_eq!(answers, answer[2..].repeat(3));
    assert!(frames <= 3, "only whole messages in a frame");
    // bye(), without id
    http.send_frame(0x82, b"\x09\x95\x01\x80\xc0\xa3bye\x90")
        .await;
    let close = http.frame().await.expect("open");
    assert_eq!(close, b"\x82\x08\x07\x93\x07\xa3bye\xc3");
    assert_eq!(http.frame().await.expect("open"), CLOSE_1000);
    http.send_frame(0x88, &[0x03, 0xe8]).await;
    assert_eq!(http.frame().await, None);
    hub.closed().await;
}

#[tokio::test]
async fn a_refusal_is_text_whatever_was_asked_for() {
    let (_, addr, _) = echo().await;
    for (request, error) in [
        (
            r#"{"protocol":"messagepack","version":3}"#,
            "The server does not support version 3 of the 'messagepack' protocol.",
        ),
        (
            r#"{"protocol":"x","version":1}"#,
            "The protocol 'x' is not supported.",
        ),
    ] {
        let (status, mut http) = open(addr, "").await;
        assert_eq!(status, 101);
        http.send_frame(0x82, format!("{request}\u{1e}").as_bytes())
            .await;
        let frame = http.frame().await.expect("open");
        assert_eq!(frame[0], 0x81);
        let expected = format!("{{\"error\":\"{error}\"}}\u{1e}");
        assert_eq!(String::from_utf8_lossy(&frame[2..]), expected);
        assert_eq!(http.frame().await.expect("open"), CLOSE_1000);
    }
}

#[tokio::test]
async fn a_large_message_of_many_small_calls_is_answered_completely() {
    let (_, addr, _) = echo().await;
    let mut http = connect(addr).await;
    let calls: String = (0..3_000).map(|id| call(id, "x")).collect();
    assert!(calls.len() > 150_000);
    let (mut read, mut write) = http.io.into_split();
    let sender = tokio::spawn(async move {
        tokio::io::AsyncWriteExt::write_all(&mut write, &frame(0x81, calls.as_bytes()))
            .await
            .expect("sent");
        write
    });
    let (mut bytes, last) = (std::mem::take(&mut http.buffer), answer(2_999, "x"));
    while !bytes.ends_with(last.as_bytes()) {
        assert!(
            tokio::io::AsyncReadExt::read_buf(&mut read, &mut bytes)
                .await
                .expect("readable")
                > 0
        );
    }
    let text = String::from_utf8_lossy(&bytes);
    assert_eq!(text.matches(r#""result":"x""#).count(), 3_000);
    sender.await.expect("sent");
}

#[tokio::test]
async fn close_of_the_hub_is_a_message_and_a_close_frame() {
    let (hub, addr, _) = echo().await;
    let mut http = connect(addr).await;
    http.send_frame(
        0x81,
        b"{\"type\":1,\"target\":\"bye\",\"arguments\":[]}\x1e",
    )
    .await;
    let ended = tokio::time::timeout(Duration::from_secs(1), async {
        assert_eq!(
            http.text().await,
            "{\"type\":7,\"error\":\"bye\",\"allowReconnect\":true}\u{1e}"
        );
        assert_eq!(http.frame().await.expect("open"), CLOSE_1000);
        http.send_frame(0x88, &[0x03, 0xe8]).await;
        assert_eq!(http.frame().await, None);
        hub.closed().await;
    });
    ended.await.expect("within a second");
}

#[tokio::test]
async fn a_close_frame_of_the_client_is_answered_and_ends_the_hub_without_an_error() {
    let (hub, addr, log) = echo().await;
    let mut http = connect(addr).await;
    http.send_frame(0x88, &[0x0f, 0xa0]).await;
    assert_eq!(http.frame().await.expect("open"), CLOSE_1000);
    assert_eq!(http.frame().await, None);
    hub.closed().await;
    assert_eq!(log.all(), [""]);
}

#[tokio::test]
async fn a_violation_of_the_websocket_protocol_ends_with_1002() {
    let (hub, addr, log) = echo().await;
    let mut http = connect(addr).await;
    tokio::io::AsyncWriteExt::write_all(&mut http.io, &[0x81, 0x01, b'x'])
        .await
        .expect("sent");
    assert_eq!(http.frame().await.expect("open"), [0x88, 0x02, 0x03, 0xea]);
    drop(http);
    hub.closed().await;
    assert_eq!(log.all(), ["a client's frame must be masked"]);
}

#[tokio::test]
async fn one_token_opens_one_connection() {
    let (hub, addr, _) = echo().await;
    let mut http = Http::connect(addr).await;
    let answer = http
        .request("POST /hub/negotiate?negotiateVersion=1", "", b"")
        .await;
    let json: serde_json::Value = serde_json::from_str(&answer.body).expect("JSON");
    let query = format!("?id={}", json["connectionToken"].as_str().expect("a token"));
    let (first, second) = tokio::join!(open(addr, &query), open(addr, &query));
    let mut statuses = [first.0, second.0];
    statuses.sort_unstable();
    assert_eq!(statuses, [101, 409]);
    let mut winner = if first.0 == 101 { first.1 } else { second.1 };
    assert_eq!(open(addr, &query).await.0, 409);
    winner.send_frame(0x81, SHAKE).await;
    assert_eq!(winner.text().await, "{}\u{1e}");
    assert_eq!(hub.connection_count(), 1);
}

#[tokio::test]
async fn two_hundred_connections_hear_fifty_broadcasts_each_once_in_order() {
    let (_, addr, _) = echo().await;
    let mut peers = Vec::new();
    for _ in 0..100 {
        peers.push((connect(addr).await, 0x81));
        peers.push((connect_messagepack(addr).await, 0x82));
    }
    for number in 0..50 {
        let call = format!("{{\"type\":1,\"target\":\"all\",\"arguments\":[{number}]}}\u{1e}");
        peers[0].0.send_frame(0x81, call.as_bytes()).await;
    }
    let text = |number| {
        format!("{{\"type\":1,\"target\":\"number\",\"arguments\":[{number}]}}\u{1e}").into_bytes()
    };
    let binary = |number| [b"\x0e\x96\x01\x80\xc0\xa6number\x91", &[number, 0x90][..]].concat();
    let texts: Vec<u8> = (0..50).flat_map(text).collect();
    let binaries: Vec<u8> = (0..50).flat_map(binary).collect();
    for (peer, opcode) in &mut peers {
        let expected = if *opcode == 0x81 { &texts } else { &binaries };
        let mut heard = Vec::new();
        while heard.len() < expected.len() {
            let frame = peer.frame().await.expect("open");
            assert_eq!(frame[0], *opcode);
            let header = if frame[1] == 126 { 4 } else { 2 };
            heard.extend_from_slice(&frame[header..]);
        }
        assert_eq!(heard, *expected);
    }
}

#[tokio::test]
async fn a_server_that_stops_tells_its_clients_and_returns() {
    let hub = HubServer::new(Echo(Log::default()));
    let bound = Server::new()
        .mount(hub.at("/hub"))
        .bind("127.0.0.1:0")
        .await
        .expect("a free port");
    let addr = bound.local_addr().expect("an address");
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let stopped = async { drop(stopped.await) };
    let served = tokio::spawn(bound.run_until(stopped, Duration::from_secs(5)));
    let mut http = connect(addr).await;
    stop.send(()).expect("it runs");
    assert_eq!(
        http.text().await,
        "{\"type\":7,\"allowReconnect\":true}\u{1e}"
    );
    assert_eq!(http.frame().await.expect("open"), CLOSE_1000);
    http.send_frame(0x88, &[0x03, 0xe8]).await;
    served.await.expect("it returns");
}

#[tokio::test]
async fn a_hub_nests_in_axum_and_sees_what_middleware_put_in() {
    #[derive(Clone)]
    struct Tenant(&'static str);
    struct Nested;
    #[hub]
    impl Nested {
        pub fn tenant(&self, cx: &Context<Self>) -> Option<&'static str> {
            Some(cx.request().extensions.get::<Tenant>()?.0)
        }
    }
    let hub = HubServer::new(Nested);
    let insert = axum::middleware::from_fn(
        |mut request: axum::extract::Request, next: axum::middleware::Next| async {
            request.extensions_mut().insert(Tenant("seven"));
            next.run(request).await
        },
    );
    let app = axum::Router::new().nest_service("/hub", hub).layer(insert);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a free port");
    let addr = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, app).await });
    let mut http = connect(addr).await;
    http.send_frame(
        0x81,
        b"{\"type\":1,\"invocationId\":\"1\",\"target\":\"tenant\",\"arguments\":[]}\x1e",
    )
    .await;
    assert_eq!(
        http.text().await,
        "{\"type\":3,\"invocationId\":\"1\",\"result\":\"seven\"}\u{1e}"
    );
    let answer = Http::connect(addr)
        .await
        .request("POST /hub/negotiate", "", b"")
        .await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn a_connection_that_is_reset_gives_no_reason() {
    let (hub, addr, log) = echo().await;
    let http = connect(addr).await;
    // With a linger of zero, dropping the socket resets the connection.
    #[expect(deprecated, reason = "a linger of zero does not block")]
    http.io.set_linger(Some(Duration::ZERO)).expect("a socket");
    drop(http);
    hub.closed().await;
    assert_eq!(log.all(), [""]);
}

#[tokio::test]
async fn compression_is_not_agreed_to_when_it_is_offered() {
    let (_, addr, _) = echo().await;
    let mut http = Http::connect(addr).await;
    let offer = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n";
    let opened = http
        .request("GET /hub", &format!("{UPGRADE}{offer}"), b"")
        .await;
    assert_eq!(opened.status, 101);
    assert_eq!(opened.header("sec-websocket-extensions"), "");
}
