//! Encoded hub messages, ready for every transport.

#[cfg(feature = "deflate")]
use std::sync::{Arc, OnceLock};

use bytes::Bytes;

/// Bytes that stay free in front of the payload, for the longest prefix a transport puts there (a WebSocket header).
const HEADROOM: usize = 10;

/// FIN with the Text and with the Binary opcode (RFC 6455, section 5.2).
const TEXT: u8 = 0x81;
const BINARY: u8 = 0x82;
/// The bit of a compressed message (RFC 7692, section 6).
#[cfg(feature = "deflate")]
const COMPRESSED: u8 = 0x40;
/// Shorter payloads, in bytes, gain less than they cost: of a message of 200 bytes a quarter.
#[cfg(feature = "deflate")]
const WORTH_COMPRESSING: usize = 256;

/// Whole hub messages, encoded once and shared by all connections that get them.
///
/// WebSocket frames of a server are not masked, so the frame of a broadcast is the same for every connection. It is built together
/// with the payload, in one allocation: transports with frames send [`frame`](Self::frame), all others [`payload`](Self::payload).
#[derive(Clone)]
pub(crate) struct Packet {
    bytes: Bytes,
    frame_at: u8,
    /// The frame for those who take compressed ones, made for the first of them. Short packets have none.
    #[cfg(feature = "deflate")]
    compressed: Option<Arc<OnceLock<Bytes>>>,
}

impl Packet {
    /// Encodes with `write` and puts the WebSocket header in front.
    pub(crate) fn build<E>(
        binary: bool,
        write: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<Self, E> {
        let mut buffer = Vec::with_capacity(128);
        buffer.extend_from_slice(&[0; HEADROOM]);
        write(&mut buffer)?;
        let first = if binary { BINARY } else { TEXT };
        let frame_at = write_header(&mut buffer, first);
        Ok(Self {
            #[cfg(feature = "deflate")]
            compressed: (buffer.len() >= HEADROOM + WORTH_COMPRESSING).then(Arc::default),
            bytes: buffer.into(),
            frame_at,
        })
    }

    /// The hub messages alone.
    pub(crate) fn payload(&self) -> Bytes {
        self.bytes.slice(HEADROOM..)
    }

    /// The hub messages as one unmasked WebSocket message.
    pub(crate) fn frame(&self) -> Bytes {
        self.bytes.slice(usize::from(self.frame_at)..)
    }

    /// As [`frame`](Self::frame), with the payload compressed where that makes it shorter. `compress` is called once for all
    /// connections.
    #[cfg(feature = "deflate")]
    pub(crate) fn compressed_frame(&self, compress: impl FnOnce(&[u8], &mut Vec<u8>)) -> Bytes {
        let Some(compressed) = &self.compressed else {
            return self.frame();
        };
        let make = || {
            let (plain, frame) = (self.payload(), self.frame());
            let mut buffer = Vec::with_capacity(HEADROOM + plain.len());
            buffer.extend_from_slice(&[0; HEADROOM]);
            compress(&plain, &mut buffer);
            if buffer.len() >= self.bytes.len() {
                return frame;
            }
            let at = write_header(&mut buffer, frame[0] | COMPRESSED);
            buffer.shrink_to_fit();
            Bytes::from(buffer).slice(usize::from(at)..)
        };
        compressed.get_or_init(make).clone()
    }

    /// What the packet counts in a queue, in bytes.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len() - HEADROOM
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
            assert_eq!(&packet.frame()[..header.len()], header, "length {length}");
            assert_eq!(packet.frame().len(), header.len() + length);
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
        assert_eq!(other.compressed_frame(half)[..4], [0xc1, 126, 0, 150]);
        assert_eq!(long.compressed_frame(never).len(), 4 + 150);
        let short = packet(255);
        assert_eq!(short.compressed_frame(never), short.frame());
        let dense = packet(256);
        let same = |plain: &[u8], out: &mut Vec<u8>| out.extend_from_slice(plain);
        assert_eq!(dense.compressed_frame(same), dense.frame());
    }

    #[test]
    fn handshake_response_of_the_reference() {
        // Transports reference, section 5.5.
        let write = |buffer: &mut Vec<u8>| {
            buffer.extend_from_slice(b"{}\x1e");
            Ok::<_, ()>(())
        };
        let text = Packet::build(false, write).expect("written");
        assert_eq!(&text.frame()[..], [0x81, 0x03, 0x7b, 0x7d, 0x1e]);
        let binary = Packet::build(true, write).expect("written");
        assert_eq!(&binary.frame()[..], [0x82, 0x03, 0x7b, 0x7d, 0x1e]);
    }
}
