//! Handshakes that are refused: the exact answer, the end, and nothing else.

use std::time::Duration;

use serde_json::json;
use signalr::{
    Connecting, Context, Error, HubError, HubProtocol, HubServer, HubServerBuilder, hub,
};
use tokio::time::Instant;

use crate::support::{Log, Peer, settle, since, wait};

const CANCELED: &str = r#"{"error":"Handshake was canceled."}"#;
const UNEXPECTED: &str = r#"{"error":"An unexpected error occurred during connection handshake."}"#;

/// Notes everything that ever runs.
#[derive(Default)]
struct Watched(Log);

#[hub]
impl Watched {
    async fn on_connected(&self, _: &Connecting<Self>) -> Result<(), HubError> {
        self.0.note("connected");
        Ok(())
    }

    async fn on_disconnected(&self, _: &Context<Self>, _: Option<&Error>) {
        self.0.note("disconnected");
    }

    pub fn call(&self) {
        self.0.note("called");
    }
}

const CALL: &str = r#"{"type":1,"invocationId":"1","target":"call","arguments":[]}"#;

fn builder() -> HubServerBuilder<Watched> {
    HubServer::builder(Watched::default())
}

/// Sends a request with a call behind it; the answer must be `answer`, and the hub must not notice.
async fn refuses(builder: HubServerBuilder<Watched>, request: &[u8], answer: &str) {
    let server = builder.build().expect("valid options");
    let mut peer = Peer::open(&server);
    let mut bytes = request.to_vec();
    bytes.push(0x1e);
    bytes.extend_from_slice(CALL.as_bytes());
    bytes.push(0x1e);
    peer.send_bytes(&bytes).await;
    let request = String::from_utf8_lossy(request);
    assert_eq!(peer.frame().await.as_deref(), Some(answer), "{request}");
    assert_eq!(peer.frame().await, None, "{request}");
    peer.leave().await;
    assert_eq!(server.connection_count(), 0);
}

#[tokio::test(start_paused = true)]
async fn unknown_protocols_are_refused_by_the_name_as_sent() {
    for name in ["x", "msgpack", "blazorpack", "", "json ", "Джейсон"] {
        let request = format!(r#"{{"protocol":"{name}","version":1}}"#);
        let answer = format!(r#"{{"error":"The protocol '{name}' is not supported."}}"#);
        refuses(builder(), request.as_bytes(), &answer).await;
    }
}

#[tokio::test(start_paused = true)]
async fn protocols_that_the_hub_does_not_offer_are_refused_alike() {
    for (offered, name) in [
        (HubProtocol::Json, "MessagePack"),
        (HubProtocol::MessagePack, "JSON"),
    ] {
        let request = format!(r#"{{"protocol":"{name}","version":1}}"#);
        let answer = format!(r#"{{"error":"The protocol '{name}' is not supported."}}"#);
        refuses(builder().protocols([offered]), request.as_bytes(), &answer).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_protocol_name_cannot_forge_an_answer() {
    refuses(
        builder(),
        br#"{"protocol":"x\"}\u001e{\"type\":6,\"a\":\"","version":1}"#,
        r#"{"error":"The protocol 'x\"}\u001e{\"type\":6,\"a\":\"' is not supported."}"#,
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn versions_above_two_are_refused() {
    for version in [3, 7, i32::MAX] {
        let request = format!(r#"{{"protocol":"json","version":{version}}}"#);
        let answer = format!(
            r#"{{"error":"The server does not support version {version} of the 'json' protocol."}}"#
        );
        refuses(builder(), request.as_bytes(), &answer).await;
    }
    refuses(
        builder(),
        br#"{"protocol":"JSON","version":3}"#,
        r#"{"error":"The server does not support version 3 of the 'JSON' protocol."}"#,
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_protocol_is_looked_at_before_the_version() {
    refuses(
        builder(),
        br#"{"protocol":"x","version":9}"#,
        r#"{"error":"The protocol 'x' is not supported."}"#,
    )
    .await;
}

/// Requests that are no handshake, with the text that detailed errors add.
const UNREADABLE: &[(&str, &str)] = &[
    (
        "42",
        "Unexpected JSON Token Type 'Number'. Expected a JSON Object.",
    ),
    (
        r#""42""#,
        "Unexpected JSON Token Type 'String'. Expected a JSON Object.",
    ),
    (
        "null",
        "Unexpected JSON Token Type 'Null'. Expected a JSON Object.",
    ),
    (
        "[]",
        "Unexpected JSON Token Type 'Array'. Expected a JSON Object.",
    ),
    (
        "{}",
        "Missing required property 'protocol'. Message content: {}",
    ),
    (
        r#"{"protocol":"json"}"#,
        r#"Missing required property 'version'. Message content: {\"protocol\":\"json\"}"#,
    ),
    (
        r#"{"version":1}"#,
        r#"Missing required property 'protocol'. Message content: {\"version\":1}"#,
    ),
    (
        r#"{"version":"123"}"#,
        "Expected 'version' to be of type Number.",
    ),
    (
        r#"{"protocol":"json","version":"1"}"#,
        "Expected 'version' to be of type Number.",
    ),
    (
        r#"{"protocol":null,"version":123}"#,
        "Expected 'protocol' to be of type String.",
    ),
    (
        r#"{"type":4,"invocationId":"42","target":"foo","arguments":{}}"#,
        r#"Missing required property 'protocol'. Message content: {\"type\":4,\"invocationId\":\"42\",\"target\":\"foo\",\"arguments\":{}}"#,
    ),
    (
        r#"{"protocol":"json","version":null}"#,
        r#"Missing required property 'version'. Message content: {\"protocol\":\"json\",\"version\":null}"#,
    ),
    (
        r#"{"Protocol":"json","Version":1}"#,
        r#"Missing required property 'protocol'. Message content: {\"Protocol\":\"json\",\"Version\":1}"#,
    ),
    // any text will do where the reference's comes from its JSON library
    ("", "Error reading JSON."),
    (r#"{"protocol":"json","version":1"#, "Error reading JSON."),
    (r#"{"protocol":"json","version":1,}"#, "Error reading JSON."),
    ("GET / HTTP/1.1\r\n\r\n", "Error reading JSON."),
];

#[tokio::test(start_paused = true)]
async fn what_is_no_handshake_gets_a_text_without_details() {
    for (request, _) in UNREADABLE {
        refuses(builder(), request.as_bytes(), UNEXPECTED).await;
    }
    refuses(
        builder(),
        b"{\"protocol\":\"\xff\",\"version\":1}",
        UNEXPECTED,
    )
    .await;
    refuses(
        builder(),
        br#"{"protocol":"json","version":4294967297}"#,
        UNEXPECTED,
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn detailed_errors_add_what_was_wrong_with_the_request() {
    for (request, detail) in UNREADABLE {
        let answer = format!(
            r#"{{"error":"An unexpected error occurred during connection handshake. InvalidDataException: {detail}"}}"#
        );
        let builder = builder().detailed_errors(true);
        refuses(builder, request.as_bytes(), &answer).await;
    }
}

#[tokio::test(start_paused = true)]
async fn deeply_nested_requests_are_refused_without_a_stack_overflow() {
    let nested = format!("{}{}", "[".repeat(15_000), "]".repeat(15_000));
    refuses(builder(), nested.as_bytes(), UNEXPECTED).await;
    let nested = format!(r#"{{"protocol":{nested},"version":1}}"#);
    refuses(builder(), nested.as_bytes(), UNEXPECTED).await;
}

#[tokio::test(start_paused = true)]
async fn the_hub_notices_nothing_of_a_refusal() {
    let hub = Watched::default();
    let log = hub.0.clone();
    let server = HubServer::new(hub);
    for request in ["{}", r#"{"protocol":"x","version":1}"#, "nonsense"] {
        let mut peer = Peer::open(&server);
        peer.send(request).await;
        peer.send(CALL).await;
        assert!(
            peer.frame()
                .await
                .expect("a refusal")
                .starts_with(r#"{"error":"#)
        );
        assert_eq!(peer.frame().await, None);
        peer.leave().await;
    }
    assert_eq!(log.all(), [""; 0]);
    let mut peer = Peer::connect(&server).await;
    peer.invoke("call", json!([])).await;
    assert_eq!(log.all(), ["connected", "called"]);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_takes_too_long_is_canceled() {
    let timeout = Duration::from_secs(15);
    for piece in ["", r#"{"protocol":"json","#] {
        let server = builder().handshake_timeout(timeout).build().expect("valid");
        let start = Instant::now();
        let mut peer = Peer::open(&server);
        peer.send_bytes(piece.as_bytes()).await;
        assert_eq!(peer.frame().await.as_deref(), Some(CANCELED));
        let after = since(start);
        assert!((15_000..=16_100).contains(&after), "after {after} ms");
        assert_eq!(peer.frame().await, None);
    }
}

#[tokio::test(start_paused = true)]
async fn trickling_bytes_do_not_put_the_handshake_timeout_off() {
    let server = builder()
        .handshake_timeout(Duration::from_secs(2))
        .build()
        .expect("valid");
    let mut peer = Peer::open(&server);
    let start = Instant::now();
    while peer.try_send_bytes(b" ").await && since(start) < 60_000 {
        wait(100).await;
    }
    let after = since(start);
    assert!((2_000..=8_000).contains(&after), "after {after} ms");
    assert_eq!(peer.frame().await.as_deref(), Some(CANCELED));
}

#[tokio::test(start_paused = true)]
async fn a_request_over_the_receive_limit_is_canceled_before_it_is_complete() {
    let server = builder().max_receive_size(100).build().expect("valid");
    let mut peer = Peer::open(&server);
    peer.send_bytes(&[b' '; 100]).await;
    settle().await;
    assert_eq!(server.connection_count(), 1, "a separator may still come");
    let start = Instant::now();
    peer.send_bytes(b" ").await;
    assert_eq!(peer.frame().await.as_deref(), Some(CANCELED));
    assert_eq!(peer.frame().await, None);
    assert_eq!(since(start), 0, "no time-out was needed");
}

#[tokio::test(start_paused = true)]
async fn an_endless_request_is_cut_off() {
    let server = builder().build().expect("valid");
    let mut peer = Peer::open_with(&server, 1024);
    let start = Instant::now();
    // After the refusal the server reads on for a moment, so that its answer is not lost in a reset.
    while peer.try_send_bytes(&[b'x'; 1024]).await {
        wait(1).await;
        assert!(since(start) < 6_000, "the server still reads");
    }
    assert_eq!(peer.frame().await.as_deref(), Some(CANCELED));
    peer.leave().await;
    assert_eq!(server.connection_count(), 0);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_written_when_the_peer_leaves_first() {
    for piece in ["", "{", r#"{"protocol":"json","version":1}"#] {
        let server = builder().build().expect("valid");
        let mut peer = Peer::open(&server);
        peer.send_bytes(piece.as_bytes()).await;
        peer.finish().await;
        assert_eq!(peer.frame().await, None, "{piece}");
        peer.leave().await;
        assert_eq!(server.connection_count(), 0);
    }
}
