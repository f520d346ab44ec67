//! Entry points for the fuzz targets in `signalr/fuzz`; they panic on what must never happen.

use std::collections::HashMap;

use bytes::BytesMut;
use serde::de::IgnoredAny;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{
    Blob, Context, HubError, HubServer, OffsetTimestamp, Receiver, Timestamp, hub,
    protocol::{
        HubProtocol, Message, Outcome, Source, check_json_readers, framing::FrameBuffer, handshake,
    },
    transport::ws::{Decoder, deflate},
};

const LIMIT: usize = 1_024;

/// Any chunking gives the same frames, and none is larger than the limit.
pub fn framing(chunks: &[&[u8]]) {
    for binary in [false, true] {
        let (pieces, failed) = frames(chunks, binary, Some(LIMIT));
        assert!(pieces.iter().all(|frame| frame.len() < LIMIT));
        let whole = frames(&[&chunks.concat()], binary, Some(LIMIT));
        assert_eq!(whole, (pieces, failed));
    }
}

/// All whole frames, and whether the bytes behind them can be none.
fn frames(chunks: &[&[u8]], binary: bool, limit: Option<usize>) -> (Vec<Vec<u8>>, bool) {
    let (mut buffer, mut frames) = (FrameBuffer::new(limit), Vec::new());
    for chunk in chunks {
        buffer.space().extend_from_slice(chunk);
        loop {
            match buffer.next(binary) {
                Ok(Some(frame)) => frames.push(frame.to_vec()),
                Ok(None) => break,
                Err(_) => return (frames, true),
            }
        }
    }
    (frames, false)
}

/// A frame is read or refused, and so are the values in it; the two readers agree.
pub fn json(frame: &[u8]) {
    if let Ok(text) = std::str::from_utf8(frame) {
        check_json_readers(text);
    }
    read(HubProtocol::Json, frame);
}

/// As [`json`].
pub fn messagepack(frame: &[u8]) {
    read(HubProtocol::MessagePack, frame);
}

fn read(protocol: HubProtocol, frame: &[u8]) {
    match protocol.decode(frame) {
        Ok(Some(Message::Invocation(call))) => {
            assert!(!call.target.is_empty());
            assert!(!call.streaming || call.id.is_some());
            let Ok((mut arguments, count)) = Source::list(call.arguments) else {
                return;
            };
            let mut read = 0;
            while arguments.more() && arguments.next::<IgnoredAny>().is_ok() {
                read += 1;
            }
            // What is not there cannot be read, whatever is claimed.
            assert!(read <= frame.len() && count.is_none_or(|count| read <= count));
        }
        Ok(Some(
            Message::StreamItem { item: value, .. }
            | Message::Completion {
                outcome: Outcome::Result(value),
                ..
            },
        )) => {
            let _ = Source::single(value).next::<Value>();
            let _ = Source::single(value).next::<(Timestamp, Blob, OffsetTimestamp)>();
            if let Ok(moment) = Source::single(value).next::<Timestamp>() {
                assert_eq!(moment.to_string().parse(), Ok(moment));
            }
        }
        _ => {}
    }
}

/// A request is accepted or refused, and a refusal is one well-formed frame.
pub fn handshake(frame: &[u8]) {
    if let Err(refusal) = handshake::accept(frame, HubProtocol::ALL, true, true) {
        let mut out = Vec::new();
        refusal.write(&mut out);
        let (separator, text) = out.split_last().expect("a separator");
        assert_eq!(*separator, 0x1e);
        let answer: Value = serde_json::from_slice(text).expect("well formed");
        assert_eq!(answer["error"], refusal.0);
    }
}

/// Any chunking gives the same bytes, and no more than came in.
pub fn websocket(chunks: &[&[u8]]) {
    let decode = |chunks: &[&[u8]]| {
        let (mut decoder, mut into, mut events) = (Decoder::default(), BytesMut::new(), 0);
        for mut chunk in chunks.iter().copied() {
            while !chunk.is_empty() {
                match decoder.decode(&mut chunk, &mut into) {
                    Ok(Some(_)) => events += 1,
                    Ok(None) => {}
                    Err(violation) => return (into, events, Some(violation)),
                }
            }
        }
        (into, events, None)
    };
    let pieces = decode(chunks);
    let whole = chunks.concat();
    assert!(pieces.0.len() <= whole.len());
    assert_eq!(decode(&[&whole]), pieces);
}

/// The fragments of a compressed message, cut anywhere, give the same bytes or none; and what is compressed comes back.
pub fn compression(fragments: &[&[u8]]) {
    let read = |frames: &[u8], cut: usize| {
        let (mut decoder, mut into) = (Decoder::inflating(), BytesMut::new());
        for mut piece in frames.chunks(cut.max(1)) {
            while !piece.is_empty() {
                let before = into.len();
                decoder.decode(&mut piece, &mut into).ok()?;
                // Nothing becomes more than this before somebody can look at it.
                assert!(into.len() - before <= 51 * 1024);
            }
        }
        Some(into)
    };
    let frames = frames_of(fragments);
    let whole = read(&frames, frames.len());
    for cut in [1, 7, 50] {
        assert_eq!(read(&frames, cut), whole);
    }
    let (plain, mut compressed) = (fragments.concat(), Vec::new());
    deflate(&plain, &mut compressed);
    let pieces: Vec<_> = compressed.chunks(100).collect();
    let back = read(&frames_of(&pieces), 1_000);
    assert_eq!(back.as_deref(), Some(&plain[..]));
}

/// A compressed message in fragments, masked with zeros.
fn frames_of(fragments: &[&[u8]]) -> Vec<u8> {
    let mut frames = Vec::new();
    let mut first = 0x41;
    for fragment in fragments {
        frames.extend([std::mem::take(&mut first), 0xff]);
        frames.extend((fragment.len() as u64).to_be_bytes());
        frames.extend([0; 4]);
        frames.extend_from_slice(fragment);
    }
    // An empty frame ends it.
    frames.extend([0x80 | first, 0x80, 0, 0, 0, 0]);
    frames
}

struct Target;

#[hub]
impl Target {
    /// Any JSON comes back.
    pub fn any(&self, value: Value) -> Value {
        value
    }

    pub fn add(&self, a: i64, b: i64) -> i64 {
        a.wrapping_add(b)
    }

    pub async fn later(&self) {
        tokio::task::yield_now().await;
    }

    pub async fn fail(&self, text: String) -> Result<(), HubError> {
        Err(HubError::new(text))
    }

    pub async fn join(&self, cx: &Context<Self>, group: &str) -> Result<(), HubError> {
        cx.join(group).await?;
        cx.clients().group(group).send("joined", (group,)).await?;
        Ok(cx.leave(group).await?)
    }

    pub fn count(&self, to: u8) -> impl futures_core::Stream<Item = u8> {
        futures_util::stream::iter(0..to)
    }

    pub fn never(&self) -> impl futures_core::Stream<Item = u8> {
        futures_util::stream::pending()
    }

    pub async fn sum(&self, mut numbers: Receiver<u64>) -> Result<u64, HubError> {
        let mut sum: u64 = 0;
        while let Some(number) = numbers.recv().await {
            sum = sum.wrapping_add(number?);
        }
        Ok(sum)
    }

    pub async fn ask(&self, cx: &Context<Self>) -> Result<i32, HubError> {
        let caller = cx.clients().caller();
        Ok(caller.invoke::<i32>("ask", ()).await?)
    }
}

/// As [`talk`], in JSON.
pub fn connection(chunks: &[&[u8]]) {
    talk(HubProtocol::Json, chunks);
}

/// As [`talk`], in MessagePack.
pub fn connection_messagepack(chunks: &[&[u8]]) {
    talk(HubProtocol::MessagePack, chunks);
}

/// A peer that has shaken hands sends anything, in pieces: the connection ends when the peer does, every frame of the server is well
/// formed, and no id gets more completions than calls.
fn talk(protocol: HubProtocol, chunks: &[&[u8]]) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime");
    let sent = chunks.concat();
    let received = runtime.block_on(async {
        let server = HubServer::builder(Target).max_receive_size(LIMIT).build();
        let server = server.expect("valid options");
        let (mut client, io) = tokio::io::duplex(1 << 20);
        let served = server.serve_connection(io);
        let peer = async {
            let name = protocol.name();
            let request = format!("{{\"protocol\":\"{name}\",\"version\":1}}\x1e");
            client.write_all(request.as_bytes()).await.expect("open");
            for chunk in chunks {
                // The server may have had enough.
                if client.write_all(chunk).await.is_err() {
                    break;
                }
                tokio::task::yield_now().await;
            }
            client.shutdown().await.ok();
            let mut received = Vec::new();
            client
                .read_to_end(&mut received)
                .await
                .expect("a whole pipe");
            received
        };
        let ((), received) = futures_util::future::join(served, peer).await;
        assert_eq!((server.connection_count(), server.group_count()), (0, 0));
        received
    });
    check_answers(protocol, &sent, &received);
}

fn check_answers(protocol: HubProtocol, sent: &[u8], received: &[u8]) {
    let mut calls: HashMap<String, usize> = HashMap::new();
    for frame in frames(&[sent], protocol.is_binary(), None).0 {
        if let Ok(Some(Message::Invocation(call))) = protocol.decode(&frame)
            && let Some(id) = call.id
        {
            *calls.entry(id.into_owned()).or_default() += 1;
        }
    }
    let answers = received.strip_prefix(handshake::ACCEPTED);
    let answers = answers.expect("the handshake was accepted");
    for frame in frames(&[answers], protocol.is_binary(), None).0 {
        let message = protocol.decode(&frame).expect("well formed");
        if let Message::Completion { id, .. } = message.expect("a known type") {
            let left = calls.get_mut(&*id).expect("an id that was sent");
            *left = left.checked_sub(1).expect("one completion for each call");
        }
    }
}
