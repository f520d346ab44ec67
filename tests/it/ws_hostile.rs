//! Frames that no well-behaved client sends, and sockets that end in odd ways.

use std::net::SocketAddr;

use serde_json::json;
use signalr::{Context, Error, HubServer, hub};

use crate::support::{
    Log,
    web::{BINARY, CLOSE, HANDSHAKE, TEXT, Wire, masked, serve, until},
};

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
}

async fn echo() -> (HubServer<Echo>, SocketAddr, Log) {
    let log = Log::default();
    let hub = HubServer::new(Echo(log.clone()));
    let addr = serve(&hub).await;
    (hub, addr, log)
}

#[tokio::test]
async fn every_violation_of_rfc_6455_ends_that_socket_with_1002_and_no_other() {
    let (hub, addr, log) = echo().await;
    let mut victim = Wire::connect(addr, "/hub").await;
    let violations: Vec<(&str, Vec<u8>)> = vec![
        ("no mask", vec![0x81, 0x01, b'x']),
        ("first reserved bit", masked(0xc1, b"x")),
        ("second reserved bit", masked(0xa1, b"x")),
        ("third reserved bit", masked(0x91, b"x")),
        ("continuation of nothing", masked(0x80, b"x")),
        (
            "a message within a message",
            [masked(0x01, b"x"), masked(TEXT, b"y")].concat(),
        ),
        ("reserved data opcode", masked(0x83, b"x")),
        ("reserved control opcode", masked(0x8b, b"x")),
        ("fragmented ping", masked(0x09, b"x")),
        ("fragmented close", masked(0x08, b"")),
        ("ping of 126 bytes", masked(0x89, &[b'x'; 126])),
    ];
    let count = violations.len();
    for (what, bytes) in violations {
        let mut wire = Wire::connect(addr, "/hub").await;
        wire.send(&bytes).await;
        let close = wire.next().await;
        assert_eq!(close, Some((CLOSE, vec![0x03, 0xea])), "{what}");
    }
    until(|| log.all().len() == count && hub.connection_count() == 1).await;
    assert!(log.all().iter().all(|reason| !reason.is_empty()));
    assert_eq!(victim.invoke("echo", json!(["alive"])).await, "alive");
}

#[tokio::test]
async fn a_flood_of_pings_is_answered_at_most_once_each_and_calls_go_on() {
    let (_, addr, _) = echo().await;
    let mut wire = Wire::connect(addr, "/hub").await;
    let mut flood = Vec::new();
    for number in 0..20_000_u32 {
        flood.extend(masked(0x89, &number.to_be_bytes()));
    }
    wire.send(&flood).await;
    wire.tell(r#"{"type":1,"invocationId":"1","target":"echo","arguments":["x"]}"#)
        .await;
    let (mut pongs, mut answered) = (Vec::new(), false);
    let last = 19_999_u32.to_be_bytes();
    while !answered || pongs.last().is_none_or(|pong| *pong != last) {
        match wire.next().await.expect("open") {
            (0x8a, pong) => pongs.push(pong),
            (TEXT, _) => answered = true,
            other => panic!("{other:?}"),
        }
    }
    assert!(pongs.len() <= 20_000);
    assert!(pongs.is_sorted(), "in the order of the pings");
}

#[tokio::test]
async fn empty_frames_and_pongs_of_nothing_are_harmless() {
    let (_, addr, _) = echo().await;
    let mut wire = Wire::connect(addr, "/hub").await;
    for first in [TEXT, BINARY, 0x01, 0x00, 0x80, 0x8a] {
        wire.frame(first, b"").await;
    }
    assert_eq!(wire.invoke("echo", json!(["x"])).await, "x");
}

#[tokio::test]
async fn a_conversation_that_comes_byte_by_byte_is_understood() {
    let (_, addr, _) = echo().await;
    let (mut wire, answer) = Wire::upgrade(addr, "/hub", "").await;
    assert_eq!(answer.status, 101);
    let call = b"{\"type\":1,\"invocationId\":\"1\",\"target\":\"echo\",\"arguments\":[\"x\"]}\x1e";
    for byte in [masked(TEXT, HANDSHAKE), masked(BINARY, call)].concat() {
        wire.send(&[byte]).await;
    }
    assert_eq!(wire.next().await, Some((TEXT, b"{}\x1e".to_vec())));
    assert_eq!(wire.messages().await[0]["result"], "x");
}

#[tokio::test]
async fn a_message_may_be_cut_into_websocket_messages_of_one_byte_each() {
    let (_, addr, _) = echo().await;
    let mut wire = Wire::connect(addr, "/hub").await;
    let call =
        b"{\"type\":1,\"invocationId\":\"1\",\"target\":\"echo\",\"arguments\":[\"\xc3\xa4\"]}\x1e";
    for (index, byte) in call.iter().enumerate() {
        let first = if index % 2 == 0 { TEXT } else { BINARY };
        wire.frame(first, &[*byte]).await;
    }
    assert_eq!(wire.messages().await[0]["result"], "ä");
}

#[tokio::test]
async fn a_client_that_only_shuts_its_sending_side_is_let_go() {
    let (hub, addr, log) = echo().await;
    let mut wire = Wire::connect(addr, "/hub").await;
    wire.finish().await;
    while wire.next().await.is_some() {}
    until(|| hub.connection_count() == 0).await;
    assert_eq!(log.all(), [""], "no error");
}

#[tokio::test]
async fn a_socket_that_vanishes_within_a_frame_ends_its_connection() {
    let (hub, addr, log) = echo().await;
    let mut wire = Wire::connect(addr, "/hub").await;
    let whole = masked(TEXT, b"{\"type\":1");
    wire.send(&whole[..7]).await;
    drop(wire);
    until(|| hub.connection_count() == 0 && log.all().len() == 1).await;
}

#[tokio::test]
async fn what_follows_a_close_frame_is_not_read() {
    let (hub, addr, log) = echo().await;
    let mut wire = Wire::connect(addr, "/hub").await;
    let call = b"{\"type\":1,\"invocationId\":\"1\",\"target\":\"echo\",\"arguments\":[\"x\"]}\x1e";
    let bytes = [masked(CLOSE, &[0x03, 0xe8]), masked(TEXT, call)].concat();
    wire.send(&bytes).await;
    assert_eq!(wire.next().await, Some((CLOSE, vec![0x03, 0xe8])));
    assert_eq!(wire.next().await, None);
    until(|| hub.connection_count() == 0).await;
    assert_eq!(log.all(), [""]);
}
