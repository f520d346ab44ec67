//! Reads the frames of a client (RFC 6455), cut at any byte, without collecting them.
//!
//! SignalR ignores opcodes and message boundaries on receipt: payloads are one stream of bytes, whose limits the hub protocol's
//! framing enforces per hub message. So payload bytes are handed on as they come, and neither the length that a frame announces
//! nor the number of hub messages in it matters here. (tungstenite's reader collects whole messages; its limit would count a batch of
//! small hub messages as one large message.) The header codec is tungstenite's.

use std::io::Cursor;

#[cfg(feature = "deflate")]
use super::deflate::Inflate;
use bytes::BytesMut;
use tokio_tungstenite::tungstenite::protocol::frame::{
    FrameHeader,
    coding::{Control, Data, OpCode},
};

/// The longest header: two bytes, eight of length, four of mask.
const MAX_HEADER: usize = 14;
/// The longest payload of a control frame.
const MAX_CONTROL: u64 = 125;

/// A control frame that came whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Ping(Vec<u8>),
    Close,
    /// No control frame: compressed bytes have become so many that they should be looked at before more are inflated.
    #[cfg(feature = "deflate")]
    Enough,
}

/// The peer broke the WebSocket protocol; the text says how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Violation(pub(crate) &'static str);

/// Where in the stream of frames the next byte belongs.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    state: State,
    /// Inside a fragmented message: the next data frame must continue it.
    fragmented: bool,
    #[cfg(feature = "deflate")]
    inflate: Inflate,
}

#[derive(Debug)]
enum State {
    Header {
        bytes: [u8; MAX_HEADER],
        have: usize,
    },
    Data(Payload),
    #[cfg(feature = "deflate")]
    Compressed(Payload),
    Control(Payload, Control, Vec<u8>),
}

impl Default for State {
    fn default() -> Self {
        Self::Header {
            bytes: [0; MAX_HEADER],
            have: 0,
        }
    }
}

/// What is left of a payload; `mask` is turned to fit the next byte.
#[derive(Clone, Copy, Debug)]
struct Payload {
    left: u64,
    mask: [u8; 4],
}

impl Payload {
    /// Takes what belongs to this payload from the front of `input`.
    fn take<'a>(&mut self, input: &mut &'a [u8]) -> &'a [u8] {
        let length = usize::try_from(self.left).map_or(input.len(), |left| left.min(input.len()));
        let (taken, rest) = input.split_at(length);
        *input = rest;
        self.left -= length as u64;
        taken
    }

    fn unmask(&mut self, bytes: &mut [u8]) {
        unmask(self.mask, bytes);
        self.mask.rotate_left(bytes.len() % 4);
    }
}

fn unmask(mask: [u8; 4], bytes: &mut [u8]) {
    let [a, b, c, d] = mask;
    let mask = [a, b, c, d, a, b, c, d];
    let (words, tail) = bytes.as_chunks_mut();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ u64::from_ne_bytes(mask)).to_ne_bytes();
    }
    for (byte, mask) in tail.iter_mut().zip(mask) {
        *byte ^= mask;
    }
}

impl Decoder {
    /// One for a peer that may compress its messages.
    #[cfg(feature = "deflate")]
    pub(crate) fn inflating() -> Self {
        Self {
            inflate: Inflate::Waiting,
            ..Self::default()
        }
    }

    /// From here on nobody looks at payloads: compressed ones are handed out as they are.
    #[cfg(feature = "deflate")]
    pub(crate) fn stop_inflating(&mut self) {
        self.inflate.stop();
    }

    /// Reads from the front of `input`, appends payload bytes to `into`, and stops behind each control frame.
    ///
    /// # Errors
    /// The peer broke the WebSocket protocol. The decoder is of no further use then.
    pub(crate) fn decode(
        &mut self,
        input: &mut &[u8],
        into: &mut BytesMut,
    ) -> Result<Option<Event>, Violation> {
        #[cfg(feature = "deflate")]
        let enough = into.len() + super::deflate::ENOUGH;
        while !input.is_empty() {
            if self.short_message(input, into) {
                continue;
            }
            match &mut self.state {
                State::Header { bytes, have } => {
                    let Some((header, length)) = read_header(bytes, have, input)? else {
                        return Ok(None);
                    };
                    self.start(&header, length)?;
                }
                State::Data(payload) => {
                    let start = into.len();
                    into.extend_from_slice(payload.take(input));
                    payload.unmask(&mut into[start..]);
                }
                #[cfg(feature = "deflate")]
                State::Compressed(payload) => {
                    let mut piece = [0; super::deflate::PIECE];
                    let mut front = &input[..input.len().min(piece.len())];
                    let taken = payload.take(&mut front);
                    *input = &input[taken.len()..];
                    let piece = &mut piece[..taken.len()];
                    piece.copy_from_slice(taken);
                    payload.unmask(piece);
                    self.inflate.add(piece, into)?;
                }
                State::Control(payload, _, collected) => {
                    let start = collected.len();
                    collected.extend_from_slice(payload.take(input));
                    payload.unmask(&mut collected[start..]);
                }
            }
            #[cfg(feature = "deflate")]
            self.end_compressed(into)?;
            if let Some(event) = self.finish() {
                return Ok(Some(event));
            }
            #[cfg(feature = "deflate")]
            if into.len() > enough {
                return Ok(Some(Event::Enough));
            }
        }
        Ok(None)
    }

    /// Reads a short message that has come whole, as nearly all do; `false`: something else has come.
    fn short_message(&mut self, input: &mut &[u8], into: &mut BytesMut) -> bool {
        let State::Header { have: 0, .. } = self.state else {
            return false;
        };
        // FIN with the Text or the Binary opcode, a mask, and a length of one byte (RFC 6455, section 5.2).
        let &[0x81 | 0x82, length @ 0x80..=0xfd, a, b, c, d, ref rest @ ..] = *input else {
            return false;
        };
        let Some((payload, rest)) = rest.split_at_checked(usize::from(length & 0x7f)) else {
            return false;
        };
        if self.fragmented {
            return false;
        }
        #[cfg(feature = "deflate")]
        if self.inflate.is_on(false) {
            return false;
        }
        *input = rest;
        let start = into.len();
        into.extend_from_slice(payload);
        unmask([a, b, c, d], &mut into[start..]);
        true
    }

    fn start(&mut self, header: &FrameHeader, left: u64) -> Result<(), Violation> {
        #[cfg(feature = "deflate")]
        let compressed = header.rsv1 && self.inflate.may_start(header.opcode);
        #[cfg(not(feature = "deflate"))]
        let compressed = false;
        if header.rsv1 != compressed || header.rsv2 || header.rsv3 {
            return Err(Violation("a reserved bit is set without an extension"));
        }
        if left >> 63 == 1 {
            return Err(Violation("a length has its top bit set"));
        }
        let mask = header
            .mask
            .ok_or(Violation("a client's frame must be masked"))?;
        let payload = Payload { left, mask };
        self.state = match header.opcode {
            OpCode::Control(_) if !header.is_final || left > MAX_CONTROL => {
                return Err(Violation("a control frame is fragmented or too long"));
            }
            OpCode::Control(control) => State::Control(payload, control, Vec::new()),
            OpCode::Data(data) => {
                if self.fragmented != matches!(data, Data::Continue) {
                    return Err(Violation("a fragmented message is out of order"));
                }
                self.fragmented = !header.is_final;
                #[cfg(feature = "deflate")]
                if self.inflate.is_on(compressed) {
                    self.state = State::Compressed(payload);
                    return Ok(());
                }
                State::Data(payload)
            }
        };
        Ok(())
    }

    /// At the end of a compressed frame, goes on to the next header; at the end of a message there is something to add.
    #[cfg(feature = "deflate")]
    fn end_compressed(&mut self, into: &mut BytesMut) -> Result<(), Violation> {
        if let State::Compressed(Payload { left: 0, .. }) = self.state {
            self.state = State::default();
            if !self.fragmented {
                self.inflate.end(into)?;
            }
        }
        Ok(())
    }

    /// Goes on to the next header when a payload is complete.
    fn finish(&mut self) -> Option<Event> {
        match &mut self.state {
            State::Data(Payload { left: 0, .. }) => {
                self.state = State::default();
                None
            }
            State::Control(Payload { left: 0, .. }, control, collected) => {
                let event = match control {
                    Control::Ping => Some(Event::Ping(std::mem::take(collected))),
                    Control::Close => Some(Event::Close),
                    Control::Pong | Control::Reserved(_) => None,
                };
                self.state = State::default();
                event
            }
            _ => None,
        }
    }
}

/// Completes a header, with bytes of earlier reads in front.
fn read_header(
    bytes: &mut [u8; MAX_HEADER],
    have: &mut usize,
    input: &mut &[u8],
) -> Result<Option<(FrameHeader, u64)>, Violation> {
    let before = *have;
    let taken = input.len().min(MAX_HEADER - before);
    bytes[before..before + taken].copy_from_slice(&input[..taken]);
    let mut cursor = Cursor::new(&bytes[..before + taken]);
    let header =
        FrameHeader::parse(&mut cursor).map_err(|_| Violation("a frame has an invalid opcode"))?;
    let Some(header) = header else {
        *have = before + taken;
        *input = &input[taken..];
        return Ok(None);
    };
    let length = usize::try_from(cursor.position()).expect("a header is short");
    *input = &input[length - before..];
    Ok(Some(header))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![first];
        match payload.len() {
            length @ 0..=125 => bytes.push(0x80 | u8::try_from(length).expect("short")),
            length => {
                bytes.push(0x80 | 126);
                bytes.extend(u16::try_from(length).expect("short").to_be_bytes());
            }
        }
        bytes.extend(MASK);
        bytes.extend(payload.iter().zip(MASK.iter().cycle()).map(|(a, b)| a ^ b));
        bytes
    }

    fn decode(chunks: &[&[u8]]) -> Result<(Vec<u8>, Vec<Event>), Violation> {
        let (mut decoder, mut into, mut events) = (Decoder::default(), BytesMut::new(), vec![]);
        for chunk in chunks {
            let mut input = *chunk;
            while let Some(event) = decoder.decode(&mut input, &mut into)? {
                events.push(event);
            }
            assert!(input.is_empty());
        }
        Ok((into.to_vec(), events))
    }

    #[test]
    fn rfc_6455_masked_hello() {
        let bytes = [
            0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58,
        ];
        assert_eq!(decode(&[&bytes]), Ok((b"Hello".to_vec(), vec![])));
    }

    #[test]
    fn frames_may_be_fragmented_with_control_frames_between() {
        let bytes = [
            frame(0x01, b"He"),
            frame(0x89, b"ping"),
            frame(0x00, b"l"),
            frame(0x8a, b"pong"),
            frame(0x80, b"lo"),
            frame(0x82, b""),
            frame(0x88, &[0x03, 0xe8]),
        ]
        .concat();
        let events = vec![Event::Ping(b"ping".to_vec()), Event::Close];
        assert_eq!(decode(&[&bytes]), Ok((b"Hello".to_vec(), events)));
    }

    #[test]
    fn an_announced_length_allocates_nothing() {
        let mut bytes = vec![0x82, 0xff];
        bytes.extend((i64::MAX as u64).to_be_bytes());
        bytes.extend(MASK);
        let (into, _) = decode(&[&bytes, b"abc"]).expect("waits for the rest");
        assert_eq!(into.len(), 3);
    }

    #[test]
    fn violations_are_refused() {
        for (bytes, text) in [
            (vec![0x81, 0x01, b'x'], "a client's frame must be masked"),
            (
                frame(0xc1, b"x"),
                "a reserved bit is set without an extension",
            ),
            (frame(0x83, b"x"), "a frame has an invalid opcode"),
            (
                [&[0x82, 0xff, 0x80][..], &[0; 11]].concat(),
                "a length has its top bit set",
            ),
            (frame(0x80, b"x"), "a fragmented message is out of order"),
            (
                [frame(0x01, b"x"), frame(0x81, b"x")].concat(),
                "a fragmented message is out of order",
            ),
            (
                frame(0x09, b"x"),
                "a control frame is fragmented or too long",
            ),
            (
                frame(0x89, &[0; 126]),
                "a control frame is fragmented or too long",
            ),
        ] {
            assert_eq!(decode(&[&bytes]), Err(Violation(text)));
        }
    }

    proptest! {
        #[test]
        fn any_chunking_gives_the_same_bytes(
            payloads in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..300), 0..5),
            cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..20),
        ) {
            let bytes: Vec<u8> = payloads.iter().flat_map(|payload| frame(0x82, payload)).collect();
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let chunks: Vec<&[u8]> = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
            prop_assert_eq!(decode(&chunks), Ok((payloads.concat(), vec![])));
        }

        /// Messages that come whole are read in another way than those that do not.
        #[test]
        fn single_bytes_are_read_as_the_whole_is(
            frames in proptest::collection::vec(
                (
                    prop_oneof![
                        6 => Just(0x81), 2 => Just(0x82), 1 => Just(0x01), 1 => Just(0x80), 1 => Just(0x89), 1 => any::<u8>()
                    ],
                    proptest::collection::vec(any::<u8>(), 0..20),
                ),
                0..6,
            ),
            broken in proptest::option::weighted(0.2, (any::<prop::sample::Index>(), any::<u8>())),
        ) {
            let mut bytes: Vec<u8> = frames.iter().flat_map(|(first, payload)| frame(*first, payload)).collect();
            if let Some((at, byte)) = broken && !bytes.is_empty() {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            let single: Vec<&[u8]> = bytes.chunks(1).collect();
            prop_assert_eq!(decode(&single), decode(&[&bytes]));
        }
    }
}
