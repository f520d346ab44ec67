//! Small messages that become large when they are inflated.

use flate2::{Compress, Compression, FlushCompress};
use signalr::HubServer;

use crate::{
    memory::{MIB, Memory, alone},
    victim::{Target, Victim, said, text},
    web::{CLOSE, HANDSHAKE, TEXT, Wire, masked, serve, until},
};

/// A compressed message in one frame.
fn compressed(message: &[u8]) -> Vec<u8> {
    let mut compress = Compress::new(Compression::best(), false);
    let mut out = Vec::with_capacity(message.len() / 100 + 1_000);
    compress
        .compress_vec(message, &mut out, FlushCompress::Sync)
        .expect("there is room");
    masked(
        TEXT | 0x40,
        out.strip_suffix(&[0, 0, 0xff, 0xff]).expect("an end"),
    )
}

async fn connect(addr: std::net::SocketAddr) -> Wire {
    let offer = "Sec-WebSocket-Extensions: permessage-deflate\r\n";
    let (mut wire, answer) = Wire::upgrade(addr, "/hub", offer).await;
    assert!(answer.header("sec-websocket-extensions").is_some());
    wire.frame(TEXT, HANDSHAKE).await;
    assert_eq!(wire.next().await, text("{}"));
    wire
}

#[tokio::test]
async fn bombs_are_cut_off_at_the_limit_and_take_no_memory() {
    let _alone = alone().await;
    let hub = HubServer::builder(Target).compression(true).build();
    let hub = hub.expect("valid options");
    let addr = serve(&hub).await;
    let victim = Victim::connect(addr).await;
    let bomb = compressed(&vec![0; 5 * MIB]);
    assert!(bomb.len() < 6_000, "{}", bomb.len());
    let mut before = None;
    for _ in 0..200 {
        let mut wire = connect(addr).await;
        let before = *before.get_or_insert_with(Memory::now);
        wire.send(&bomb).await;
        let closed =
            r#"{"type":7,"error":"Connection closed with an error.","allowReconnect":true}"#;
        assert_eq!(said(&mut wire).await, text(closed));
        assert_eq!(wire.next().await, Some((CLOSE, vec![0x03, 0xe8])));
        let growth = before.growth();
        assert!(growth.resident < 2 * MIB, "{growth:?}");
    }
    until(|| hub.connection_count() == 1).await;

    // Millions of small messages may come; each is read, and nobody else waits for that.
    let pings = compressed(&b"{\"type\":6}\x1e".repeat(500_000));
    assert!(pings.len() < 16 * 1024, "{}", pings.len());
    let mut wires = Vec::new();
    for _ in 0..4 {
        let mut wire = connect(addr).await;
        wire.send(&pings).await;
        wires.push(wire);
    }
    let before = Memory::now();
    for wire in &mut wires {
        crate::victim::ping(wire).await;
    }
    let growth = before.growth();
    assert!(growth.resident < 2 * MIB, "{growth:?}");

    // Who stops in the middle of a message makes its connection hold a window, and whatever part of a hub message has come.
    let half = bomb[..bomb.len() - 1_000].to_vec();
    let mut halves = Vec::new();
    for _ in 0..100 {
        let mut wire = connect(addr).await;
        wire.send(&half[..40]).await;
        halves.push(wire);
    }
    for wire in &mut wires {
        crate::victim::ping(wire).await;
    }
    let growth = before.growth();
    assert!(growth.resident < 10 * MIB, "{growth:?}");
    drop((wires, halves));
    until(|| hub.connection_count() == 1).await;
    victim.leave(5).await;
}
