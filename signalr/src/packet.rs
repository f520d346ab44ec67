//! Encoded hub messages, ready for every transport.

#[cfg(feature = "deflate")]
use std::sync::{Arc, OnceLock};
use std::{cell::Cell, io};

use bytes::{Buf, Bytes};

/// Bytes that stay free in front of the payload, for the longest prefix a transport puts there (a WebSocket header).
const HEADROOM: usize = 10;

/// Bytes of hub messages that are copied together into one packet.
const BATCH: usize = 32 * 1024;

/// A message of more bytes gets a packet of its own, without a copy.
const LONG: usize = 16 * 1024;

/// FIN with the Text and with the Binary opcode (RFC 6455, section 5.2).
const TEXT: u8 = 0x81;
const BINARY: u8 = 0x82;
/// The bit of a compressed message (RFC 7692, section 6).
#[cfg(feature = "deflate")]
const COMPRESSED: u8 = 0x40;
/// Shorter payloads, in bytes, gain less than they cost: of a message of 200 bytes a quarter.
#[cfg(feature = "deflate")]
const WORTH_COMPRESSING: usize = 256;

/// Writes frames to a socket without the task that it belongs to, whoever is allowed to do so at the moment.
pub(crate) trait DirectWrite: Send + Sync {
    /// Writes as many bytes as the socket takes at once.
    ///
    /// # Errors
    /// It takes none now, or never again.
    fn try_write(&self, frame: &[u8]) -> io::Result<usize>;
}

/// Whole hub messages, encoded once and shared by all connections that get them.
///
/// WebSocket frames of a server are not masked, so the frame of a broadcast is the same for every connection. It is built together
/// with the payload, in one allocation: transports with frames send [`frame`](Self::frame), all others [`payload`](Self::payload).
#[derive(Clone)]
pub(crate) struct Packet {
    bytes: Bytes,
    frame_at: u8,
    /// How many of the messages stateful reconnect counts (server reference, section 17.1).
    counted: u32,
    /// The frame for those who take compressed ones, made for the first of them. Short packets have none, and those of one connection.
    #[cfg(feature = "deflate")]
    compressed: Option<Arc<OnceLock<Bytes>>>,
}

impl Packet {
    /// Encodes a call, an item, an answer or a cancellation with `write`, into an allocation of the right size.
    pub(crate) fn build<E>(
        binary: bool,
        write: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<Self, E> {
        let packet = Draft::write(binary, write)?.into_packet();
        #[cfg(feature = "deflate")]
        let packet = Self {
            compressed: (packet.len() >= WORTH_COMPRESSING).then(Arc::default),
            ..packet
        };
        Ok(packet)
    }

    /// Encodes what belongs to the connection itself and has no number: a handshake, a ping, the goodbye.
    pub(crate) fn control(binary: bool, write: impl FnOnce(&mut Vec<u8>)) -> Self {
        let written = Draft::write(binary, |out| {
            write(out);
            Ok::<_, std::convert::Infallible>(())
        });
        let Ok(draft) = written;
        Self {
            counted: 0,
            ..draft.into_packet()
        }
    }

    /// How many of its messages have a number.
    pub(crate) fn counted(&self) -> u32 {
        self.counted
    }

    /// The hub messages alone.
    pub(crate) fn payload(&self) -> Bytes {
        self.bytes.slice(HEADROOM..)
    }

    /// The hub messages alone, for whom shares the packet no further.
    pub(crate) fn into_payload(mut self) -> Bytes {
        self.bytes.advance(HEADROOM);
        self.bytes
    }

    /// The hub messages as one unmasked WebSocket message, to be looked at.
    pub(crate) fn frame(&self) -> &[u8] {
        &self.bytes[self.frame_at.into()..]
    }

    /// The hub messages as one unmasked WebSocket message.
    pub(crate) fn into_frame(mut self) -> Bytes {
        self.bytes.advance(self.frame_at.into());
        self.bytes
    }

    /// As [`into_frame`](Self::into_frame), with the payload compressed where that makes it shorter. `compress` is called once for
    /// all connections that share the packet.
    #[cfg(feature = "deflate")]
    pub(crate) fn into_compressed_frame(
        mut self,
        compress: impl FnOnce(&[u8], &mut Vec<u8>),
    ) -> Bytes {
        if self.len() < WORTH_COMPRESSING {
            return self.into_frame();
        }
        match self.compressed.take() {
            Some(shared) => shared.get_or_init(|| self.compress(compress)).clone(),
            None => self.compress(compress),
        }
    }

    #[cfg(feature = "deflate")]
    fn compress(self, compress: impl FnOnce(&[u8], &mut Vec<u8>)) -> Bytes {
        let mut buffer = Vec::with_capacity(self.bytes.len());
        buffer.extend_from_slice(&[0; HEADROOM]);
        compress(&self.bytes[HEADROOM..], &mut buffer);
        if buffer.len() >= self.bytes.len() {
            return self.into_frame();
        }
        let first = self.bytes[usize::from(self.frame_at)];
        let at = write_header(&mut buffer, first | COMPRESSED);
        buffer.shrink_to_fit();
        Bytes::from(buffer).slice(usize::from(at)..)
    }

    /// What the packet counts in a queue, in bytes.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len() - HEADROOM
    }

    /// Puts the WebSocket header in front of what stands behind the headroom.
    fn seal(binary: bool, mut buffer: Vec<u8>, counted: u32) -> Self {
        let first = if binary { BINARY } else { TEXT };
        let frame_at = write_header(&mut buffer, first);
        Self {
            #[cfg(feature = "deflate")]
            compressed: None,
            bytes: buffer.into(),
            frame_at,
            counted,
        }
    }
}

/// A hub message that was encoded for one connection, in a buffer that is lent until they are queued.
///
/// What a connection answers to its own calls is copied from here to the end of what waits to be written, so that an answer costs no
/// allocation behind another one.
pub(crate) struct Draft {
    binary: bool,
    /// Behind the headroom.
    buffer: Vec<u8>,
}

thread_local! {
    /// What the last draft of this thread leaves to the next. While a draft is written it is away: what users' `Serialize` does
    /// meanwhile finds none, and makes one.
    static SPARE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

impl Draft {
    /// Encodes with `write`, which appends.
    pub(crate) fn write<E>(
        binary: bool,
        write: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<Self, E> {
        let mut buffer = SPARE.try_with(Cell::take).unwrap_or_default();
        if buffer.is_empty() {
            buffer.reserve(512);
            buffer.extend_from_slice(&[0; HEADROOM]);
        }
        let mut draft = Self { binary, buffer };
        write(&mut draft.buffer)?;
        Ok(draft)
    }

    /// A packet of its own. A long message takes its buffer along.
    pub(crate) fn into_packet(mut self) -> Packet {
        let buffer = if self.is_long() {
            std::mem::take(&mut self.buffer)
        } else {
            self.buffer.as_slice().into()
        };
        Packet::seal(self.binary, buffer, 1)
    }

    /// It is not worth copying.
    pub(crate) fn is_long(&self) -> bool {
        self.len() > LONG
    }

    /// What it counts in a queue, in bytes.
    pub(crate) fn len(&self) -> usize {
        self.buffer.len() - HEADROOM
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        let mut buffer = std::mem::take(&mut self.buffer);
        if (HEADROOM..=2 * LONG).contains(&buffer.capacity()) {
            buffer.truncate(HEADROOM);
            // A thread that ends keeps nothing.
            SPARE.try_with(|spare| spare.set(buffer)).ok();
        }
    }
}

/// Drafts that become one packet: one WebSocket message with several hub messages, which every client takes.
pub(crate) struct Batch {
    binary: bool,
    messages: u32,
    /// Behind the headroom.
    buffer: Vec<u8>,
}

impl Batch {
    /// A batch of one: mostly it remains so, and its allocation is of the right size.
    pub(crate) fn new(first: &Draft) -> Self {
        Self {
            binary: first.binary,
            messages: 1,
            buffer: first.buffer.as_slice().into(),
        }
    }

    /// Appends a draft. `false`: it does not fit.
    pub(crate) fn append(&mut self, next: &Draft) -> bool {
        let (length, next_length) = (self.buffer.len(), next.len());
        if self.binary != next.binary || length - HEADROOM + next_length > BATCH {
            return false;
        }
        if self.buffer.capacity() - length < next_length {
            // Where a second message comes, more will; but never more than a full batch.
            let more = next_length.max(3 * length);
            self.buffer
                .reserve_exact(more.min(HEADROOM + BATCH - length));
        }
        self.buffer.extend_from_slice(&next.buffer[HEADROOM..]);
        self.messages += 1;
        true
    }

    pub(crate) fn into_packet(self) -> Packet {
        Packet::seal(self.binary, self.buffer, self.messages)
    }
}

impl std::fmt::Debug for Packet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Packet({:?})", self.payload())
    }
}

/// Writes the header right before the payload and returns where it starts.
fn write_header(buffer: &mut [u8], first: u8) -> u8 {
    let length = buffer.len() - HEADROOM;
    let long = (length as u64).to_be_bytes();
    let extended: &[u8] = match length {
        0..=125 => &[],
        126..=0xffff => &long[6..],
        _ => &long,
    };
    let short = match extended.len() {
        0 => long[7],
        2 => 126,
        _ => 127,
    };
    let at = HEADROOM - 2 - extended.len();
    buffer[at] = first;
    buffer[at + 1] = short;
    buffer[at + 2..HEADROOM].copy_from_slice(extended);
    u8::try_from(at).expect("the header starts within the headroom")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(length: usize) -> Packet {
        Packet::build(false, |buffer| {
            buffer.resize(buffer.len() + length, b'x');
            Ok::<_, ()>(())
        })
        .expect("writing cannot fail")
    }

    #[test]
    fn frame_has_the_shortest_header() {
        for (length, header) in [
            (0, &[0x81, 0][..]),
            (125, &[0x81, 125]),
            (126, &[0x81, 126, 0, 126]),
            (65_535, &[0x81, 126, 0xff, 0xff]),
            (65_536, &[0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        ] {
            let packet = packet(length);
            assert_eq!(
                &packet.clone().into_frame()[..header.len()],
                header,
                "length {length}"
            );
            assert_eq!(packet.clone().into_frame().len(), header.len() + length);
            assert_eq!(packet.payload().len(), length);
            assert_eq!(packet.len(), length);
        }
    }

    #[cfg(feature = "deflate")]
    #[test]
    fn a_frame_is_compressed_once_and_only_where_that_pays() {
        let half =
            |plain: &[u8], out: &mut Vec<u8>| out.extend_from_slice(&plain[plain.len() / 2..]);
        let never = |_: &[u8], _: &mut Vec<u8>| panic!("nothing to compress");
        let long = packet(300);
        let other = long.clone();
        assert_eq!(other.into_compressed_frame(half)[..4], [0xc1, 126, 0, 150]);
        assert_eq!(long.into_compressed_frame(never).len(), 4 + 150);
        let short = packet(255);
        assert_eq!(
            short.clone().into_compressed_frame(never),
            short.into_frame()
        );
        let dense = packet(256);
        let same = |plain: &[u8], out: &mut Vec<u8>| out.extend_from_slice(plain);
        assert_eq!(
            dense.clone().into_compressed_frame(same),
            dense.into_frame()
        );
    }

    #[test]
    fn handshake_response_of_the_reference() {
        // Transports reference, section 5.5.
        let write = |buffer: &mut Vec<u8>| {
            buffer.extend_from_slice(b"{}\x1e");
            Ok::<_, ()>(())
        };
        let text = Packet::build(false, write).expect("written");
        assert_eq!(&text.into_frame()[..], [0x81, 0x03, 0x7b, 0x7d, 0x1e]);
        let binary = Packet::build(true, write).expect("written");
        assert_eq!(&binary.into_frame()[..], [0x82, 0x03, 0x7b, 0x7d, 0x1e]);
    }
}
