//! While others do their worst, a client that behaves gets every answer within a second.

use serde_json::json;
use signalr::{Context, HubError, HubServer, hub};
use tokio::time::Instant;

use crate::support::{Encoding, Peer, msgpack::framed, since, wait};

struct Shared;

#[hub]
impl Shared {
    pub fn ping(&self) -> u8 {
        1
    }

    pub async fn panic(&self) {
        panic!("on purpose");
    }

    pub async fn never(&self) {
        std::future::pending::<()>().await;
    }

    pub async fn flood(&self, cx: &Context<Self>) -> Result<(), HubError> {
        let caller = cx.clients().caller();
        loop {
            caller.send("more", ("x".repeat(10_000),)).await?;
        }
    }
}

/// One attack: what is sent after the handshake, and whether the handshake is made at all.
async fn attack(server: HubServer<Shared>, shakes: bool, bytes: Vec<u8>) {
    let mut peer = Peer::open_with(&server, 4_096);
    if shakes {
        peer.shake_hands().await;
    }
    for piece in bytes.chunks(1_000) {
        if !peer.try_send_bytes(piece).await {
            return;
        }
    }
    wait(20_000).await;
}

fn frames(message: &str, times: usize) -> Vec<u8> {
    Encoding::of_this_test().frame(message).repeat(times)
}

/// Bytes that mean nothing good in this encoding.
fn malformed() -> Vec<Vec<u8>> {
    match Encoding::of_this_test() {
        Encoding::Json => {
            let nested = format!(
                r#"{{"type":1,"invocationId":"1","target":"ping","arguments":{}{}}}"#,
                "[".repeat(10_000),
                "]".repeat(10_000)
            );
            vec![
                vec![b'x'; 1_000_000],
                vec![0x1e; 10_000],
                frames(&nested, 3),
                b"{\"type\":1}\x1e".to_vec(),
            ]
        }
        Encoding::MessagePack => {
            let call = b"\x96\x01\x80\xa1\x31\xa4ping";
            let nested = [&call[..], &[0x91; 20_000], b"\xc0\x90"].concat();
            let claim = [&call[..], b"\xdd\xff\xff\xff\xff\xc0"].concat();
            vec![
                vec![0; 10_000],
                vec![0x80; 10_000],
                b"\xff\xff\xff\xff\x07".to_vec(),
                b"\x07\x96\x01\xdf\x7f\xff\xff\xff".to_vec(),
                framed(&nested).repeat(3),
                framed(&claim).repeat(1_000),
            ]
        }
    }
}

#[apply(both_encodings)]
async fn attackers_do_not_hold_up_a_client_that_behaves() {
    let server = HubServer::new(Shared);
    let mut victim = Peer::connect(&server).await;
    let call =
        |method| format!(r#"{{"type":1,"invocationId":"1","target":"{method}","arguments":[]}}"#);
    let mut attacks = vec![
        (false, b"GET / HTTP/1.1\r\n\r\n".to_vec()),
        (false, vec![b'x'; 1_000_000]),
        (
            false,
            b"{\"protocol\":\"\\\"}\",\"version\":9}\x1e".to_vec(),
        ),
        (true, vec![0xff; 10_000]),
        (true, frames(&call("panic"), 1_000)),
        (true, frames(&call("never"), 10_000)),
        (
            true,
            frames(r#"{"type":1,"target":"flood","arguments":[]}"#, 10),
        ),
        (true, frames(&call("nothing"), 10_000)),
        (true, frames(r#"{"type":5,"invocationId":"none"}"#, 10_000)),
        (
            true,
            frames(r#"{"type":2,"invocationId":"none","item":1}"#, 10_000),
        ),
        (
            true,
            frames(r#"{"type":3,"invocationId":"none","result":1}"#, 10_000),
        ),
        (true, frames(r#"{"type":42}"#, 10_000)),
        (true, frames(r#"{"type":6}"#, 10_000)),
    ];
    attacks.extend(malformed().into_iter().map(|bytes| (true, bytes)));
    let attackers: Vec<_> = attacks
        .into_iter()
        .map(|(shakes, bytes)| tokio::spawn(attack(server.clone(), shakes, bytes)))
        .collect();
    while server.connection_count() > 1 || attackers.iter().any(|attacker| !attacker.is_finished())
    {
        let start = Instant::now();
        assert_eq!(victim.invoke("ping", json!([])).await, 1);
        assert!(since(start) < 1_000, "{} ms", since(start));
        wait(1_000).await;
    }
    for attacker in attackers {
        attacker.await.expect("an attacker does not panic");
    }
    assert_eq!(server.connection_count(), 1, "only the victim is left");
}
