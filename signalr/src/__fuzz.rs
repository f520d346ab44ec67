//! Entry points for the fuzz targets in `signalr/fuzz`; they panic on what must never happen.

use std::collections::HashMap;

use bytes::BytesMut;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{
    Context, HubError, HubServer, Receiver, hub,
    protocol::{HubProtocol, Message, framing::FrameBuffer, handshake},
    transport::ws::Decoder,
};

const LIMIT: usize = 1_024;

/// Any chunking gives the same frames, and none is larger than the limit.
pub fn framing(chunks: &[&[u8]]) {
    let frames = |chunks: &[&[u8]]| {
        let (mut buffer, mut frames) = (FrameBuffer::new(Some(LIMIT)), Vec::new());
        for chunk in chunks {
            buffer.space().extend_from_slice(chunk);
            loop {
                match buffer.next_text() {
                    Ok(Some(frame)) => frames.push(frame.to_vec()),
                    Ok(None) => break,
                    Err(_) => return (frames, true),
                }
            }
        }
        (frames, false)
    };
    let (pieces, failed) = frames(chunks);
    assert!(pieces.iter().all(|frame| frame.len() < LIMIT));
    assert_eq!(frames(&[&chunks.concat()]), (pieces, failed));
}

/// A frame is read or refused.
pub fn json(frame: &[u8]) {
    if let Ok(Some(Message::Invocation(call))) = HubProtocol::Json.decode(frame) {
        assert!(!call.target.is_empty());
        assert!(!call.streaming || call.id.is_some());
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

/// A peer that has shaken hands sends anything, in pieces: the connection ends when the peer does, every frame of the server is well
/// formed, and no id gets more completions than calls.
pub fn connection(chunks: &[&[u8]]) {
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
            client
                .write_all(b"{\"protocol\":\"json\",\"version\":1}\x1e")
                .await
                .expect("open");
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
    check_answers(&sent, &received);
}

fn check_answers(sent: &[u8], received: &[u8]) {
    let ids = |message: &Message<'_>| match message {
        Message::Invocation(call) => call.id.as_deref().map(str::to_owned),
        _ => None,
    };
    let mut calls: HashMap<String, usize> = HashMap::new();
    for frame in sent.split(|byte| *byte == 0x1e) {
        if let Ok(Some(message)) = HubProtocol::Json.decode(frame)
            && let Some(id) = ids(&message)
        {
            *calls.entry(id).or_default() += 1;
        }
    }
    assert!(received.starts_with(handshake::ACCEPTED));
    let frames = &received[handshake::ACCEPTED.len()..];
    for frame in frames.split_inclusive(|byte| *byte == 0x1e) {
        let text = frame.strip_suffix(&[0x1e]).expect("whole frames");
        let message = HubProtocol::Json.decode(text).expect("well formed");
        if let Message::Completion { id, .. } = message.expect("a known type") {
            let left = calls.get_mut(&*id).expect("an id that was sent");
            *left = left.checked_sub(1).expect("one completion for each call");
        }
    }
}
