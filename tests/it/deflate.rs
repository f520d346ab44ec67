//! permessage-deflate, frame by frame (RFC 7692).

use std::net::SocketAddr;

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};
use serde_json::json;
use signalr::{Context, HubError, HubServer, hub};

use crate::support::web::{BINARY, CLOSE, HANDSHAKE, TEXT, Wire, masked, serve, until};

/// The bit of a compressed message.
const RSV1: u8 = 0x40;
const OFFER: &str = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n";
const AGREED: &str = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

struct Echo;

#[hub]
impl Echo {
    pub fn echo(&self, text: String) -> String {
        text
    }

    pub async fn all(&self, cx: &Context<Self>, text: &str) -> Result<(), HubError> {
        Ok(cx.clients().all().send("said", (text,)).await?)
    }
}

async fn compressing() -> (HubServer<Echo>, SocketAddr) {
    let hub = HubServer::builder(Echo).compression(true).build();
    let hub = hub.expect("valid options");
    let addr = serve(&hub).await;
    (hub, addr)
}

/// A message as a sender writes it: without the end of its last, empty block.
fn deflated(message: &[u8]) -> Vec<u8> {
    let mut compress = Compress::new(Compression::best(), false);
    let mut out = Vec::with_capacity(message.len() + 100);
    compress
        .compress_vec(message, &mut out, FlushCompress::Sync)
        .expect("there is room");
    out.strip_suffix(&[0, 0, 0xff, 0xff])
        .expect("an end")
        .to_vec()
}

fn inflated(message: &[u8]) -> Vec<u8> {
    let message = [message, &[0, 0, 0xff, 0xff]].concat();
    let mut out = Vec::with_capacity(1 << 20);
    Decompress::new(false)
        .decompress_vec(&message, &mut out, FlushDecompress::Sync)
        .expect("compressed");
    out
}

/// Agrees on compression, and shakes hands in a compressed message.
async fn connect(addr: SocketAddr) -> Wire {
    let (mut wire, answer) = Wire::upgrade(addr, "/hub", OFFER).await;
    assert_eq!(answer.status, 101);
    assert_eq!(answer.header("sec-websocket-extensions"), Some(AGREED));
    wire.frame(TEXT | RSV1, &deflated(HANDSHAKE)).await;
    assert_eq!(wire.next().await, Some((TEXT, b"{}\x1e".to_vec())));
    wire
}

fn call(id: usize, text: &str) -> String {
    let call =
        json!({ "type": 1, "invocationId": id.to_string(), "target": "echo", "arguments": [text] });
    format!("{call}\u{1e}")
}

/// The server says that it was not the WebSocket protocol.
async fn refused(mut wire: Wire) {
    assert_eq!(wire.next().await, Some((CLOSE, vec![0x03, 0xea])));
}

#[tokio::test]
async fn nothing_is_compressed_unless_the_server_wants_it() {
    let hub = HubServer::new(Echo);
    let addr = serve(&hub).await;
    let (mut wire, answer) = Wire::upgrade(addr, "/hub", OFFER).await;
    assert_eq!(answer.status, 101);
    assert_eq!(answer.header("sec-websocket-extensions"), None);
    wire.frame(TEXT, HANDSHAKE).await;
    assert_eq!(wire.next().await, Some((TEXT, b"{}\x1e".to_vec())));
    let text = "long ".repeat(1_000);
    assert_eq!(wire.invoke("echo", json!([text])).await, json!(text));
    wire.frame(TEXT | RSV1, &deflated(b"{\"type\":6}\x1e"))
        .await;
    refused(wire).await;
}

#[tokio::test]
async fn offers_that_cannot_be_met_leave_a_plain_websocket() {
    let (_hub, addr) = compressing().await;
    for offer in [
        "",
        "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=9\r\n",
    ] {
        let (mut wire, answer) = Wire::upgrade(addr, "/hub", offer).await;
        assert_eq!(answer.status, 101);
        assert_eq!(answer.header("sec-websocket-extensions"), None);
        wire.frame(TEXT, HANDSHAKE).await;
        assert_eq!(wire.next().await, Some((TEXT, b"{}\x1e".to_vec())));
        let text = "long ".repeat(1_000);
        assert_eq!(wire.invoke("echo", json!([text])).await, json!(text));
    }
}

#[tokio::test]
async fn a_broadcast_is_compressed_for_those_who_take_that() {
    let (_hub, addr) = compressing().await;
    let (mut first, mut second) = (connect(addr).await, connect(addr).await);
    let mut plain = Wire::connect(addr, "/hub").await;
    let text = "the same again and again, ".repeat(100);
    let call = json!({ "type": 1, "target": "all", "arguments": [text] });
    first
        .frame(TEXT | RSV1, &deflated(format!("{call}\u{1e}").as_bytes()))
        .await;
    let said = json!({ "type": 1, "target": "said", "arguments": [text] });
    assert_eq!(plain.messages().await, [said]);
    let expected = format!(r#"{{"type":1,"target":"said","arguments":["{text}"]}}"#) + "\u{1e}";
    for wire in [&mut first, &mut second] {
        let (opcode, payload) = wire.next().await.expect("open");
        assert_eq!(opcode, TEXT | RSV1);
        assert!(payload.len() < 200, "{}", payload.len());
        assert_eq!(inflated(&payload), expected.as_bytes());
    }
    // Short messages go out as they are, and come in either way.
    first
        .tell(r#"{"type":1,"target":"all","arguments":["x"]}"#)
        .await;
    let said = b"{\"type\":1,\"target\":\"said\",\"arguments\":[\"x\"]}\x1e";
    assert_eq!(first.next().await, Some((TEXT, said.to_vec())));
}

#[tokio::test]
async fn messagepack_is_compressed_in_binary_frames() {
    let (_hub, addr) = compressing().await;
    let (mut wire, _) = Wire::upgrade(addr, "/hub", OFFER).await;
    let handshake = b"{\"protocol\":\"messagepack\",\"version\":1}\x1e";
    wire.frame(TEXT | RSV1, &deflated(handshake)).await;
    assert_eq!(wire.next().await, Some((BINARY, b"{}\x1e".to_vec())));
    // echo("aaa…") as id "1"
    let text = [&b"\xd9\xff"[..], &[b'a'; 255]].concat();
    let call = [b"\x95\x01\x80\xa11\xa4echo\x91", &text[..]].concat();
    let call = [&[0x8c, 0x02], &call[..]].concat();
    assert_eq!(call.len() - 2, 0x10c);
    wire.frame(BINARY | RSV1, &deflated(&call)).await;
    let (opcode, payload) = wire.next().await.expect("open");
    assert_eq!(opcode, BINARY | RSV1);
    let answer = inflated(&payload);
    assert!(answer.ends_with(&text), "{answer:x?}");
}

#[tokio::test]
async fn thousands_of_messages_in_a_small_one_are_all_answered() {
    let (_hub, addr) = compressing().await;
    let mut wire = connect(addr).await;
    let calls: String = (0..3_000).map(|id| call(id, &"x".repeat(200))).collect();
    let small = deflated(calls.as_bytes());
    assert!(
        calls.len() > 700_000 && small.len() < 30_000,
        "{}",
        small.len()
    );
    wire.frame(TEXT | RSV1, &small).await;
    let mut answered = 0;
    while answered < 3_000 {
        let (opcode, payload) = wire.next().await.expect("open");
        let plain = match opcode {
            TEXT => payload,
            _ => inflated(&payload),
        };
        let whole = plain.strip_suffix(b"\x1e").expect("whole");
        for plain in whole.split(|byte| *byte == 0x1e) {
            let answer = json!({ "type": 3, "invocationId": answered.to_string(), "result": "x".repeat(200) });
            let plain: serde_json::Value = serde_json::from_slice(plain).expect("JSON");
            assert_eq!(plain, answer);
            answered += 1;
        }
    }
}

#[tokio::test]
async fn compressed_messages_may_be_fragmented_and_cut_anywhere() {
    let (_hub, addr) = compressing().await;
    let mut wire = connect(addr).await;
    let text = "fragments ".repeat(20);
    let message = deflated(call(1, &text).as_bytes());
    let (head, rest) = message.split_at(7);
    let (middle, tail) = rest.split_at(40);
    let bytes = [
        masked(0x01 | RSV1, head),
        masked(0x89, b"there?"),
        masked(0x00, middle),
        masked(0x00, b""),
        masked(0x80, tail),
    ]
    .concat();
    for byte in bytes {
        wire.send(&[byte]).await;
    }
    assert_eq!(wire.next().await, Some((0x8a, b"there?".to_vec())));
    let answer = wire.messages().await;
    assert_eq!(answer[0]["result"], text);
}

#[tokio::test]
async fn violations_of_the_extension_end_the_connection() {
    let (hub, addr) = compressing().await;
    let message = deflated(call(1, "x").as_bytes());
    for frames in [
        // A control frame, a continuation, and other reserved bits.
        masked(0x89 | RSV1, b""),
        [masked(0x01 | RSV1, &message), masked(0x80 | RSV1, b"")].concat(),
        masked(TEXT | 0x20, &message),
        masked(TEXT | 0x10 | RSV1, &message),
        // No compression at all.
        masked(TEXT | RSV1, &[0xff; 40]),
    ] {
        let mut wire = connect(addr).await;
        wire.send(&frames).await;
        refused(wire).await;
    }
    until(|| hub.connection_count() == 0).await;
}

#[tokio::test]
async fn a_client_that_is_being_closed_may_go_on_compressing() {
    let (hub, addr) = compressing().await;
    let mut wire = connect(addr).await;
    hub.context()
        .clients()
        .all()
        .send("x", ())
        .await
        .expect("sent");
    assert!(wire.next().await.is_some());
    let shutdown = tokio::spawn({
        let hub = hub.clone();
        async move { hub.shutdown(std::time::Duration::from_secs(5)).await }
    });
    assert_eq!(wire.messages().await[0]["type"], 7);
    assert_eq!(wire.next().await, Some((CLOSE, vec![0x03, 0xe8])));
    // What is still on its way is not looked at, and the goodbye behind it is found.
    wire.frame(TEXT | RSV1, &deflated(&[b'x'; 100_000])).await;
    wire.frame(CLOSE, &[0x03, 0xe8]).await;
    assert_eq!(wire.next().await, None);
    shutdown.await.expect("closed");
}
