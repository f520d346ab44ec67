//! Handshakes that succeed, however they arrive.

use serde_json::json;
use signalr::{HubServer, hub};

use crate::support::{Encoding, Peer};

struct Echo;

#[hub]
impl Echo {
    pub fn say(&self, text: String) -> String {
        text
    }
}

fn request() -> Vec<u8> {
    Encoding::of_this_test().handshake()
}

fn call() -> Vec<u8> {
    let call = r#"{"type":1,"invocationId":"7","target":"say","arguments":["hi"]}"#;
    Encoding::of_this_test().frame(call)
}

/// Shakes hands with this request and proves that the connection works.
async fn accepts(request: &str) {
    let mut peer = Peer::open(&HubServer::new(Echo));
    peer.request(format!("{request}\u{1e}").as_bytes()).await;
    assert_eq!(peer.frame().await.as_deref(), Some("{}"), "{request}");
    assert_eq!(peer.invoke("say", json!(["hi"])).await, "hi", "{request}");
}

#[apply(both_encodings)]
async fn the_answer_is_an_empty_object_and_nothing_before_it() {
    let name = Encoding::of_this_test().name();
    accepts(&format!(r#"{{"protocol":"{name}","version":1}}"#)).await;
}

#[apply(both_encodings)]
async fn the_protocol_is_found_in_any_letter_case() {
    let names = match Encoding::of_this_test() {
        Encoding::Json => ["JSON", "Json", "jSoN"],
        Encoding::MessagePack => ["MESSAGEPACK", "MessagePack", "mEsSaGePaCk"],
    };
    for name in names {
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

#[apply(both_encodings)]
async fn it_may_come_byte_by_byte() {
    let mut peer = Peer::open_with(&HubServer::new(Echo), 1);
    for byte in request() {
        peer.request(&[byte]).await;
    }
    assert_eq!(peer.frame().await.as_deref(), Some("{}"));
    for byte in call() {
        peer.send_bytes(&[byte]).await;
    }
    assert_eq!(peer.completion("7").await, "hi");
}

#[apply(both_encodings)]
async fn calls_in_the_same_chunk_are_answered() {
    let mut peer = Peer::open(&HubServer::new(Echo));
    peer.request(&[request(), call(), call()].concat()).await;
    assert_eq!(peer.frame().await.as_deref(), Some("{}"));
    assert_eq!(peer.completion("7").await, "hi");
    assert_eq!(peer.completion("7").await, "hi");
}

#[apply(both_encodings)]
async fn half_a_call_in_the_same_chunk_is_kept() {
    let call = call();
    for cut in 1..call.len() {
        let mut peer = Peer::open(&HubServer::new(Echo));
        peer.request(&[&request(), &call[..cut]].concat()).await;
        assert_eq!(peer.frame().await.as_deref(), Some("{}"));
        peer.send_bytes(&call[cut..]).await;
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
    peer.send_bytes(&request()).await;
    peer.expect_close(
        r#"{"type":7,"error":"Connection closed with an error.","allowReconnect":true}"#,
    )
    .await;
}
