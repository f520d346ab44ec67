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
    for _ in 0..200 {
        peers.push(connect(addr).await);
    }
    for number in 0..50 {
        let call = format!("{{\"type\":1,\"target\":\"all\",\"arguments\":[{number}]}}\u{1e}");
        peers[0].send_frame(0x81, call.as_bytes()).await;
    }
    for peer in &mut peers {
        let mut heard = String::new();
        while heard.matches("number").count() < 50 {
            heard += &peer.text().await;
        }
        let expected: String = (0..50)
            .map(|number| {
                format!("{{\"type\":1,\"target\":\"number\",\"arguments\":[{number}]}}\u{1e}")
            })
            .collect();
        assert_eq!(heard, expected);
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
