//! Lengths that are only claimed, and bytes without end.

use std::time::Duration;

use signalr::HubServer;

use crate::{
    memory::{MIB, Memory, alone},
    victim::{Target, Victim, ping, said, text},
    web::{BINARY, CLOSE, TEXT, Wire, serve, until},
};

/// What ends a connection with an error; inner texts stay inside.
const CLOSED: &str =
    r#"{"type":7,"error":"Connection closed with an error.","allowReconnect":true}"#;

/// The header of a frame that claims a payload of `length` bytes, masked with zeros.
fn header(length: u64) -> Vec<u8> {
    [&[TEXT, 0xff][..], &length.to_be_bytes(), &[0; 4]].concat()
}

#[tokio::test]
async fn claimed_lengths_of_json_messages_are_not_believed() {
    let _alone = alone().await;
    let hub = HubServer::new(Target);
    let addr = serve(&hub).await;
    let victim = Victim::connect(addr).await;
    let mut wires = Vec::new();
    for _ in 0..200 {
        wires.push(Wire::connect(addr, "/hub").await);
    }
    let before = Memory::now();
    for (number, wire) in wires.iter_mut().enumerate() {
        let length = match number % 4 {
            0 => 33 * 1024,
            1 => 2 << 30,
            2 => 1 << 40,
            _ => u64::MAX >> 1,
        };
        wire.send(&header(length)).await;
        wire.send(b"{\"type\":1,").await;
    }
    // A call behind all that: the server has seen it.
    let mut after = Wire::connect(addr, "/hub").await;
    ping(&mut after).await;
    let growth = before.growth();
    assert!(growth.resident < 2 * MIB, "{growth:?}");
    assert!(growth.claimed < 64 * MIB, "{growth:?}");
    assert_eq!(hub.connection_count(), 202);

    // Who goes on is closed as soon as more than 32 KiB have come without an end, whatever was claimed.
    let (go_on, wait) = wires.split_at_mut(8);
    for wire in go_on {
        wire.send(&[b'x'; 40 * 1024]).await;
        assert_eq!(said(wire).await, text(CLOSED));
        assert_eq!(wire.next().await, Some((CLOSE, vec![0x03, 0xe8])));
    }
    // Who waits is closed for its silence: bytes of an unfinished message are no sign of life. The clock is moved to just before
    // that, since the victim is silent meanwhile too.
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(29)).await;
    tokio::time::resume();
    for wire in wait {
        assert_eq!(said(wire).await, text(CLOSED));
    }
    drop(wires);
    drop(after);
    victim.leave(5).await;
    until(|| hub.connection_count() == 0).await;
    let growth = before.growth();
    assert!(growth.resident < 2 * MIB, "{growth:?}");
}

#[tokio::test]
async fn claimed_lengths_of_messagepack_end_their_connection_and_nothing_else() {
    let _alone = alone().await;
    let hub = HubServer::new(Target);
    let addr = serve(&hub).await;
    let victim = Victim::connect(addr).await;
    let attacks: &[&[u8]] = &[
        // Messages of 2 GiB, of more than five bytes can say, and of one byte more than the limit.
        &[0xff, 0xff, 0xff, 0xff, 0x07],
        &[0xff, 0xff, 0xff, 0xff, 0xff, 0x07],
        &[0x81, 0x80, 0x02],
        // Headers of a million to two thousand million entries.
        &[0x07, 0x96, 0x01, 0xdf, 0x00, 0x10, 0x00, 0x00],
        &[0x07, 0x96, 0x01, 0xdf, 0x00, 0x40, 0x00, 0x00],
        &[0x07, 0x96, 0x01, 0xdf, 0x01, 0x00, 0x00, 0x00],
        &[0x07, 0x96, 0x01, 0xdf, 0x7f, 0xff, 0xff, 0xff],
        // Ids and targets of 2 GiB, and as many streams.
        &[0x08, 0x96, 0x01, 0x80, 0xdb, 0x7f, 0xff, 0xff, 0xff],
        &[0x09, 0x96, 0x01, 0x80, 0xc0, 0xdb, 0x7f, 0xff, 0xff, 0xff],
        &[
            0x0c, 0x96, 0x01, 0x80, 0xc0, 0xa1, b'x', 0x90, 0xdd, 0x7f, 0xff, 0xff, 0xff,
        ],
    ];
    let mut wires = Vec::new();
    for _ in 0..20 {
        for attack in attacks {
            let (mut wire, opened) = Wire::upgrade(addr, "/hub", "").await;
            assert_eq!(opened.status, 101);
            let handshake = b"{\"protocol\":\"messagepack\",\"version\":1}\x1e";
            wire.frame(TEXT, handshake).await;
            assert_eq!(wire.next().await, Some((BINARY, b"{}\x1e".to_vec())));
            wires.push((wire, *attack));
        }
    }
    let before = Memory::now();
    for (wire, attack) in &mut wires {
        wire.frame(BINARY, attack).await;
    }
    for (wire, attack) in &mut wires {
        let (first, said) = wire.next().await.expect("it is told");
        let text = String::from_utf8_lossy(&said);
        assert_eq!(first, BINARY, "{attack:x?}");
        assert!(
            text.contains("Connection closed with an error."),
            "{attack:x?}: {text}"
        );
        assert_eq!(wire.next().await, Some((CLOSE, vec![0x03, 0xe8])));
    }
    let growth = before.growth();
    assert!(growth.resident < MIB, "{growth:?}");
    assert!(growth.claimed < 64 * MIB, "{growth:?}");
    drop(wires);
    until(|| hub.connection_count() == 1).await;
    victim.leave(1).await;
}
