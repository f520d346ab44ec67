//! Handshakes that succeed, however they arrive.

use serde_json::json;
use signalr::{HubServer, hub};

use crate::support::Peer;

struct Echo;

#[hub]
impl Echo {
    pub fn say(&self, text: String) -> String {
        text
    }
}

const REQUEST: &[u8] = b"{\"protocol\":\"json\",\"version\":1}\x1e";
const CALL: &[u8] =
    b"{\"type\":1,\"invocationId\":\"7\",\"target\":\"say\",\"arguments\":[\"hi\"]}\x1e";

/// Shakes hands with this request and proves that the connection works.
async fn accepts(request: &str) {
    let mut peer = Peer::open(&HubServer::new(Echo));
    peer.send(request).await;
    assert_eq!(peer.frame().await.as_deref(), Some("{}"), "{request}");
    assert_eq!(peer.invoke("say", json!(["hi"])).await, "hi", "{request}");
}

#[tokio::test(start_paused = true)]
async fn the_answer_is_an_empty_object_and_nothing_before_it() {
    accepts(r#"{"protocol":"json","version":1}"#).await;
}

#[tokio::test(start_paused = true)]
async fn the_protocol_is_found_in_any_letter_case() {
    for name in ["JSON", "Json", "jSoN"] {
        accepts(&format!(r#"{{"protocol":"{name}","version":1}}"#)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn versions_up_to_two_are_accepted() {
    for version in [i32::MIN, -1, 0, 1, 2] {
        accepts(&format!(r#"{{"protocol":"json","version":{version}}}"#)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn properties_may_come_in_any_order_with_unknown_ones_between() {
    accepts(r#"{"version":1,"protocol":"json"}"#).await;
    accepts(r#" { "a" : [ {"protocol":1} ] , "version" : 1, "b":null, "protocol" : "json" } "#)
        .await;
}

#[tokio::test(start_paused = true)]
async fn the_last_of_repeated_properties_counts() {
    accepts(r#"{"protocol":"x","version":99,"protocol":"json","version":1}"#).await;
}

#[tokio::test(start_paused = true)]
async fn names_and_values_may_be_escaped() {
    accepts(r#"{"\u0070rotoco\u006c":"js\u006fn","\u0076ersion":1}"#).await;
}

#[tokio::test(start_paused = true)]
async fn text_between_the_brace_and_the_separator_is_ignored() {
    accepts(r#"{"protocol":"json","version":1}{"protocol":"wrong","version":99}"#).await;
    accepts(r#"{"protocol":"json","version":1} and so on"#).await;
}

#[tokio::test(start_paused = true)]
async fn it_may_come_byte_by_byte() {
    let mut peer = Peer::open_with(&HubServer::new(Echo), 1);
    for byte in REQUEST {
        peer.send_bytes(&[*byte]).await;
    }
    assert_eq!(peer.frame().await.as_deref(), Some("{}"));
    for byte in CALL {
        peer.send_bytes(&[*byte]).await;
    }
    assert_eq!(peer.completion("7").await, "hi");
}

#[tokio::test(start_paused = true)]
async fn calls_in_the_same_chunk_are_answered() {
    let mut peer = Peer::open(&HubServer::new(Echo));
    peer.send_bytes(&[REQUEST, CALL, CALL].concat()).await;
    assert_eq!(peer.frame().await.as_deref(), Some("{}"));
    assert_eq!(peer.completion("7").await, "hi");
    assert_eq!(peer.completion("7").await, "hi");
}

#[tokio::test(start_paused = true)]
async fn half_a_call_in_the_same_chunk_is_kept() {
    for cut in 1..CALL.len() {
        let mut peer = Peer::open(&HubServer::new(Echo));
        peer.send_bytes(&[REQUEST, &CALL[..cut]].concat()).await;
        assert_eq!(peer.frame().await.as_deref(), Some("{}"));
        peer.send_bytes(&CALL[cut..]).await;
        assert_eq!(peer.completion("7").await, "hi", "cut at {cut}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_of_exactly_the_receive_limit_is_accepted() {
    let head = r#"{"protocol":"json","version":1,"padding":""#;
    let server = HubServer::builder(Echo).max_receive_size(100);
    let server = server.build().expect("valid options");
    let mut peer = Peer::open(&server);
    // Two bytes close the request, one separates it.
    let padding = "x".repeat(100 - head.len() - 3);
    peer.send(&format!(r#"{head}{padding}"}}"#)).await;
    assert_eq!(peer.frame().await.as_deref(), Some("{}"));
}

#[tokio::test(start_paused = true)]
async fn a_second_handshake_is_a_protocol_error() {
    let mut peer = Peer::connect(&HubServer::new(Echo)).await;
    peer.send_bytes(REQUEST).await;
    peer.expect_close(
        r#"{"type":7,"error":"Connection closed with an error.","allowReconnect":true}"#,
    )
    .await;
}
