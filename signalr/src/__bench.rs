//! What the benchmarks in `signalr/benches` reach into; no promise of stability.

use bytes::BytesMut;

use crate::{
    protocol::{Headers, HubProtocol, Outcome, framing::FrameBuffer},
    transport::ws::Decoder,
};

fn protocol(binary: bool) -> HubProtocol {
    if binary {
        HubProtocol::MessagePack
    } else {
        HubProtocol::Json
    }
}

/// Reads one frame; whether it is a message.
pub fn decode(binary: bool, frame: &[u8]) -> bool {
    let message = protocol(binary).decode(frame);
    message.is_ok_and(|message| message.is_some())
}

/// Appends the completion of a call whose result is a text.
pub fn encode(binary: bool, out: &mut Vec<u8>, id: &str, text: &str) {
    let outcome = Outcome::Result(text);
    let written = protocol(binary).write_completion(out, &Headers::default(), id, outcome);
    written.expect("a text can be written");
}

/// Counts the frames in bytes that arrive 4 KiB at a time.
pub fn split(binary: bool, bytes: &[u8]) -> usize {
    let (mut buffer, mut count) = (FrameBuffer::new(None), 0);
    for piece in bytes.chunks(4 * 1024) {
        buffer.space().extend_from_slice(piece);
        while buffer.next(binary).expect("whole frames").is_some() {
            count += 1;
        }
    }
    count
}

/// The length of what a client's WebSocket frames hold; they arrive 16 KiB at a time.
pub fn unmask(bytes: &[u8]) -> usize {
    let (mut decoder, mut into) = (Decoder::default(), BytesMut::new());
    for mut piece in bytes.chunks(16 * 1024) {
        let decoded = decoder.decode(&mut piece, &mut into);
        assert!(matches!(decoded, Ok(None)), "data frames only");
    }
    into.len()
}
