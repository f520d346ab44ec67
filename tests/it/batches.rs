//! Several hub messages in one binary WebSocket message.

use std::time::Duration;

use signalr::{HubServer, hub};

use crate::support::{
    msgpack::framed,
    web::{BINARY, TEXT, Wire, serve},
};

struct Pings;

#[hub]
impl Pings {
    pub fn ping(&self) -> u8 {
        1
    }
}

/// A call of `ping` with a one-letter id.
fn call(id: u8) -> Vec<u8> {
    let body = [
        &[0x96, 0x01, 0x80, 0xa1, id][..],
        b"\xa4ping",
        &[0x90, 0x90],
    ];
    framed(&body.concat())
}

fn answer(id: u8) -> Vec<u8> {
    framed(&[0x95, 0x03, 0x80, 0xa1, id, 0x03, 0x01])
}

#[tokio::test]
async fn a_call_with_a_ping_behind_it_is_answered_at_once() {
    let addr = serve(&HubServer::new(Pings)).await;
    let (mut wire, opened) = Wire::upgrade(addr, "/hub", "").await;
    assert_eq!(opened.status, 101);
    let handshake = b"{\"protocol\":\"messagepack\",\"version\":1}\x1e";
    wire.frame(TEXT, handshake).await;
    assert_eq!(wire.next().await, Some((BINARY, b"{}\x1e".to_vec())));
    let ping = framed(&[0x91, 0x06]);
    for batch in [
        [call(b'a'), ping.clone()].concat(),
        [ping.clone(), call(b'a')].concat(),
        [ping.clone(), call(b'a'), ping].concat(),
    ] {
        wire.frame(BINARY, &batch).await;
        let answered = tokio::time::timeout(Duration::from_secs(10), wire.next()).await;
        // Long before the next ping of either side.
        let answered = answered.expect("at once");
        assert_eq!(answered, Some((BINARY, answer(b'a'))));
    }
    let calls: Vec<u8> = (b'a'..=b'z').flat_map(call).collect();
    wire.frame(BINARY, &calls).await;
    let answers: Vec<u8> = (b'a'..=b'z').flat_map(answer).collect();
    let mut answered = Vec::new();
    while answered.len() < answers.len() {
        let (opcode, messages) = wire.next().await.expect("open");
        assert_eq!(opcode, BINARY);
        answered.extend(messages);
    }
    assert_eq!(answered, answers);
}
