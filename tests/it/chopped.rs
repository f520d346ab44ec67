//! A whole conversation, cut at any or at random bytes, gives the same answers, in either encoding.

use futures_util::Stream;
use serde_json::json;
use signalr::{Context, HubError, HubServer, Receiver, hub};

use crate::support::{Encoding, Peer, settle};

struct Conversation;

#[hub]
impl Conversation {
    pub fn echo(&self, text: String) -> String {
        text
    }

    pub async fn say(&self, cx: &Context<Self>, text: &str) -> Result<(), HubError> {
        Ok(cx.clients().caller().send("said", (text,)).await?)
    }

    pub fn fail(&self) -> Result<(), HubError> {
        Err(HubError::new("as asked"))
    }

    pub fn counter(&self, to: u32) -> impl Stream<Item = u32> + use<> {
        futures_util::stream::iter(0..to)
    }

    pub async fn sum(&self, mut numbers: Receiver<u32>) -> Result<u32, HubError> {
        let mut sum = 0;
        while let Some(number) = numbers.recv().await {
            sum += number?;
        }
        Ok(sum)
    }
}

fn conversation() -> Vec<u8> {
    let encoding = Encoding::of_this_test();
    let messages = encoding.frames(&[
        r#"{"type":6}"#,
        r#"{"type":1,"invocationId":"1","target":"echo","arguments":["ä 中 😀 \u001e"]}"#,
        r#"{"type":1,"target":"say","arguments":["one"]}"#,
        r#"{"type":42,"x":[[]]}"#,
        r#"{"type":1,"invocationId":"2","target":"nosuch","arguments":[1]}"#,
        r#"{"type":1,"invocationId":"3","target":"echo","arguments":[]}"#,
        r#"{"type":4,"invocationId":"4","target":"counter","arguments":[3]}"#,
        r#"{"arguments":[],"streamIds":["5"],"target":"sum","invocationId":"6","type":1}"#,
        r#"{"type":2,"invocationId":"5","item":40}"#,
        r#"{"invocationId":"5","item":2,"type":2}"#,
        r#"{"type":3,"invocationId":"5"}"#,
        r#"{"type":1,"invocationId":"7","target":"fail","arguments":[]}"#,
        r#"{"type":5,"invocationId":"8"}"#,
        // Long enough for a length of two bytes in MessagePack.
        r#"{"type":1,"headers":{"traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},"invocationId":"9","target":"say","arguments":["two, and a text that goes on for a while"]}"#,
    ]);
    [encoding.handshake(), messages].concat()
}

/// Everything that the server says to the conversation in these pieces. The order is fixed but for what runs side by side,
/// so the answers are sorted.
async fn answers(pieces: impl Iterator<Item = &[u8]>) -> Vec<String> {
    let mut peer = Peer::open(&HubServer::new(Conversation));
    for piece in pieces {
        peer.send_bytes(piece).await;
    }
    // What still runs when the client says goodbye is dropped.
    settle().await;
    let close = Encoding::of_this_test().frame(r#"{"type":7}"#);
    peer.send_bytes(&close).await;
    let mut answers = Vec::new();
    while let Some(frame) = peer.frame().await {
        answers.push(frame);
    }
    peer.leave().await;
    let first = answers.first().map(String::as_str);
    assert_eq!(first, Some("{}"));
    let last = answers.last().map(String::as_str);
    assert_eq!(last, Some(r#"{"type":7}"#));
    answers.sort_unstable();
    answers
}

fn expected() -> Vec<String> {
    let mut expected = vec![
        "{}".to_owned(),
        r#"{"type":3,"invocationId":"1","result":"ä 中 😀 \u001e"}"#.to_owned(),
        r#"{"type":1,"target":"said","arguments":["one"]}"#.to_owned(),
        r#"{"type":3,"invocationId":"2","error":"Failed to invoke 'nosuch' due to an error on the server. HubException: Method does not exist."}"#.to_owned(),
        r#"{"type":3,"invocationId":"3","error":"Failed to invoke 'echo' due to an error on the server."}"#.to_owned(),
        r#"{"type":2,"invocationId":"4","item":0}"#.to_owned(),
        r#"{"type":2,"invocationId":"4","item":1}"#.to_owned(),
        r#"{"type":2,"invocationId":"4","item":2}"#.to_owned(),
        r#"{"type":3,"invocationId":"4"}"#.to_owned(),
        r#"{"type":3,"invocationId":"6","result":42}"#.to_owned(),
        r#"{"type":3,"invocationId":"7","error":"An unexpected error occurred invoking 'fail' on the server. HubException: as asked"}"#.to_owned(),
        r#"{"type":1,"target":"said","arguments":["two, and a text that goes on for a while"]}"#.to_owned(),
        r#"{"type":3,"invocationId":"9","result":null}"#.to_owned(),
        r#"{"type":7}"#.to_owned(),
    ];
    expected.sort_unstable();
    expected
}

/// A small generator of random numbers, so that a failure can be repeated.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits") % limit
    }
}

#[apply(both_encodings)]
async fn a_conversation_in_one_piece_or_in_single_bytes_gives_the_same_answers() {
    let bytes = conversation();
    assert_eq!(answers(std::iter::once(&bytes[..])).await, expected());
    assert_eq!(answers(bytes.chunks(1)).await, expected());
}

#[apply(both_encodings)]
async fn a_conversation_cut_in_two_anywhere_gives_the_same_answers() {
    let bytes = conversation();
    for cut in 1..bytes.len() {
        let (head, tail) = bytes.split_at(cut);
        assert_eq!(
            answers([head, tail].into_iter()).await,
            expected(),
            "cut at {cut}"
        );
    }
}

#[apply(both_encodings)]
async fn a_conversation_cut_at_random_gives_the_same_answers() {
    let bytes = conversation();
    for seed in 0..300 {
        let mut random = Random(seed);
        let mut rest = &bytes[..];
        let mut pieces = Vec::new();
        while !rest.is_empty() {
            let most = [3, 20, 200][random.below(3)];
            let (piece, tail) = rest.split_at((1 + random.below(most)).min(rest.len()));
            pieces.push(piece);
            rest = tail;
        }
        assert_eq!(answers(pieces.into_iter()).await, expected(), "seed {seed}");
    }
}

#[apply(both_encodings)]
async fn random_bytes_never_do_more_than_end_the_connection() {
    let server = HubServer::new(Conversation);
    let mut victim = Peer::connect(&server).await;
    let bytes = conversation();
    for seed in 0..500 {
        let mut random = Random(seed);
        let mut noise = bytes.clone();
        for _ in 0..=random.below(20) {
            let at = random.below(noise.len().max(1));
            match random.below(4) {
                _ if noise.is_empty() => {}
                0 => noise[at] = u8::try_from(random.below(256)).expect("a byte"),
                1 => drop(noise.remove(at)),
                2 => noise.insert(at, b"\x1e{}[]\",:0\\\xc0\xdf\xff\x06"[random.below(14)]),
                _ => noise.truncate(at.max(1)),
            }
        }
        let mut peer = Peer::open(&server);
        peer.send_bytes(&noise).await;
        peer.finish().await;
        while peer.frame().await.is_some() {}
        peer.leave().await;
        assert_eq!(
            victim.invoke("echo", json!(["hi"])).await,
            "hi",
            "seed {seed}"
        );
    }
    assert_eq!(server.connection_count(), 1);
}
