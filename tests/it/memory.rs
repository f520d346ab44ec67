//! What hostile peers cannot make the server allocate. Everything of a conversation runs on the test's thread, whose allocations are
//! counted, the peer's own among them.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use futures_util::Stream;
use serde::Deserialize;
use serde_json::{Value, json};
use signalr::{Blob, Context, HubError, HubServer, Receiver, Timestamp, hub};

use crate::support::{Encoding, Peer, msgpack::framed, settle};

/// Reserves whatever somebody says it will need, on every level.
#[derive(Deserialize)]
#[expect(dead_code, reason = "only read from messages")]
struct Lists(Vec<Self>);

struct Greedy;

#[hub]
impl Greedy {
    pub fn numbers(&self, _value: Vec<u64>) {}

    pub fn arrays(&self, _value: Vec<[u64; 32]>) {}

    pub fn lists(&self, _value: Lists) {}

    pub fn deque(&self, _value: VecDeque<String>) {}

    pub fn set(&self, _value: HashSet<String>) {}

    pub fn map(&self, _value: HashMap<String, Vec<String>>) {}

    pub fn tree(&self, _value: BTreeMap<String, Vec<u64>>) {}

    pub fn text(&self, _value: String) {}

    pub fn bytes(&self, _value: Blob) {}

    pub fn moment(&self, _value: Timestamp) {}

    pub fn any(&self, _value: Value) {}

    pub async fn upload(&self, mut items: Receiver<Lists>) {
        while items.recv().await.is_some() {}
    }

    pub async fn stay(&self, _items: Receiver<u8>) {
        std::future::pending::<()>().await;
    }

    pub fn endless(&self) -> impl Stream<Item = u8> + use<> {
        futures_util::stream::pending()
    }

    pub async fn ask(&self, cx: &Context<Self>) -> Result<(), HubError> {
        cx.clients().caller().invoke::<Lists>("ask", ()).await?;
        Ok(())
    }
}

const KIB: u64 = 1 << 10;

/// The most that is allocated at a time while this runs.
fn peak(encoding: Encoding, test: impl Future<Output = ()>) -> u64 {
    allocation_counter::measure(|| encoding.run(test)).bytes_max
}

/// Lists, maps, texts, bytes and extensions that claim to be longer than anything that follows.
fn claims() -> Vec<Vec<u8>> {
    let mut claims = Vec::new();
    for marker in [0xdd, 0xdf, 0xdb, 0xc6, 0xc9] {
        for count in [0x10_0000, 0x40_0000, 0x100_0000, 0x7fff_ffff, u32::MAX] {
            claims.push([&[marker][..], &count.to_be_bytes(), b"\x01"].concat());
        }
    }
    for marker in [0xdc, 0xde, 0xda, 0xc5, 0xc8] {
        claims.push(vec![marker, 0xff, 0xff, 0x01]);
    }
    claims
}

/// Everything that may stand in front of a count: each body that claims something there.
fn places() -> Vec<Vec<u8>> {
    let mut places: Vec<Vec<u8>> = [
        // headers, the key and the value of one
        &b"\x96\x01"[..],
        b"\x96\x01\x81",
        b"\x96\x01\x81\xa1a",
        // id, target, arguments, stream ids and one of them
        b"\x96\x01\x80",
        b"\x96\x01\x80\xa11",
        b"\x96\x01\x80\xa11\xa7numbers",
        b"\x96\x01\x80\xa11\xa6upload\x90",
        b"\x96\x01\x80\xa11\xa6upload\x90\x91",
        // an item, a result, an error, a reason
        b"\x94\x02\x80\xa1u",
        b"\x95\x03\x80\xa2s1\x03",
        b"\x95\x03\x80\xa2s1\x01",
        b"\x93\x07",
    ]
    .map(<[u8]>::to_vec)
    .to_vec();
    for method in [
        "numbers", "arrays", "lists", "deque", "set", "map", "tree", "text", "bytes", "moment",
        "any", "nosuch",
    ] {
        let length = 0xa0 | u8::try_from(method.len()).expect("short");
        let call = [b"\x96\x01\x80\xa11", &[length][..], method.as_bytes()].concat();
        // as an argument, in a list, as the value of a map, in an extension
        for inside in [
            &b"\x91"[..],
            b"\x91\x91",
            b"\x91\x81\xa1a",
            b"\x91\xc7\x04\x05",
        ] {
            places.push([&call, inside].concat());
        }
    }
    places
}

#[test]
fn no_claimed_length_is_reserved_anywhere() {
    let claims = claims();
    for place in places() {
        for claim in &claims {
            let body = [&place[..], claim].concat();
            let frame = framed(&body);
            let allocated = peak(Encoding::MessagePack, async {
                let mut peer = Peer::connect(&HubServer::new(Greedy)).await;
                peer.upload("up", "upload", json!([]), &["u"]).await;
                peer.call("1", "ask", json!([])).await;
                assert_eq!(peer.json().await["target"], "ask");
                peer.send_bytes(&frame).await;
                peer.finish().await;
                while peer.frame().await.is_some() {}
            });
            assert!(allocated < 64 * KIB, "{allocated} bytes for {body:x?}");
        }
    }
}

#[test]
fn no_claimed_length_is_reserved_at_any_depth() {
    let claim = b"\xdd\x7f\xff\xff\xff".repeat(120);
    let call = b"\x96\x01\x80\xa11\xa5lists\x91";
    for end in [&b""[..], b"\x90"] {
        let frame = framed(&[call, &claim[..], end].concat());
        let allocated = peak(Encoding::MessagePack, async {
            let mut peer = Peer::connect(&HubServer::new(Greedy)).await;
            peer.send_bytes(&frame).await;
            assert!(peer.completion("1").await["error"].is_string());
        });
        assert!(allocated < 64 * KIB, "{allocated} bytes");
    }
}

/// What a peer sends in batches, made one after another.
async fn flood(peer: &mut Peer, batches: u32, message: impl Fn(u32) -> String) {
    let encoding = Encoding::of_this_test();
    for batch in 0..batches {
        // Numbers of one length: pipes and batches hold as many bytes at the end as at the beginning.
        let numbers = (0..100).map(|number| 10_000 + batch * 100 + number);
        let frames = numbers.map(|number| encoding.frame(&message(number)));
        let frames: Vec<_> = frames.collect();
        peer.send_bytes(&frames.concat()).await;
        // The pipes are empty again before more is sent.
        peer.call("last", "nosuch", json!([])).await;
        while peer.json().await["invocationId"] != "last" {}
    }
}

/// Floods of one kind: ten times as many messages take no more memory.
fn costs_nothing(message: impl Fn(u32) -> String) {
    for encoding in Encoding::BOTH {
        let flood_of = |batches| {
            peak(encoding, async {
                let mut peer = Peer::connect(&HubServer::new(Greedy)).await;
                flood(&mut peer, batches, &message).await;
            })
        };
        let (few, many) = (flood_of(20), flood_of(200));
        assert!(many < few + 4 * KIB, "{encoding:?}: {few}, then {many}");
    }
}

#[test]
fn messages_for_nobody_are_not_remembered() {
    costs_nothing(|number| format!(r#"{{"type":5,"invocationId":"{number}"}}"#));
    costs_nothing(|number| format!(r#"{{"type":2,"invocationId":"{number}","item":1}}"#));
    costs_nothing(|number| format!(r#"{{"type":3,"invocationId":"{number}","result":1}}"#));
    costs_nothing(|number| format!(r#"{{"type":1,"target":"{number}","arguments":[]}}"#));
}

#[test]
fn uploads_that_are_never_ended_are_not_remembered_beyond_their_limit() {
    costs_nothing(|number| {
        format!(r#"{{"type":1,"target":"stay","arguments":[],"streamIds":["{number}"]}}"#)
    });
}

#[test]
fn streams_that_are_never_ended_are_not_remembered_beyond_their_limit() {
    costs_nothing(|number| {
        format!(r#"{{"type":4,"invocationId":"{number}","target":"endless","arguments":[]}}"#)
    });
}

#[test]
fn without_a_limit_only_what_has_come_takes_memory() {
    let start_of_two_gigabytes = [&b"\xff\xff\xff\xff\x07"[..], &[0; 100_000]].concat();
    let allocated = peak(Encoding::MessagePack, async {
        let server = HubServer::builder(Greedy).unlimited_receive_size();
        let mut peer = Peer::connect(&server.build().expect("valid")).await;
        peer.send_bytes(&start_of_two_gigabytes).await;
        settle().await;
    });
    // Once in the pipe, and once at the server, where the buffer doubles.
    assert!(allocated < 600 * KIB, "{allocated} bytes");
}
