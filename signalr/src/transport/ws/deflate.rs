//! The compression of WebSocket messages (RFC 7692, section 7.2), each by itself.
//!
//! Nothing is kept from message to message. So a waiting connection holds no window, which would be 340 KB for each; what compresses
//! is lent to whichever connection writes; and a compressed broadcast is the same for all.

use std::{cell::RefCell, fmt};

use bytes::BytesMut;
use miniz_oxide::{
    DataFormat,
    deflate::{
        CompressionLevel,
        core::{CompressorOxide, TDEFLFlush, TDEFLStatus, compress_to_output},
    },
    inflate::{
        TINFLStatus,
        core::{
            DecompressorOxide, TINFL_LZ_DICT_SIZE, decompress,
            inflate_flags::{TINFL_FLAG_HAS_MORE_INPUT, TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF},
        },
    },
};
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

use super::decoder::Violation;

/// Compressed bytes that are inflated at once. They become 33 KiB at most, so limits are looked at before there is more.
pub(super) const PIECE: usize = 32;
/// Bytes that reading inflates before somebody looks at them.
pub(super) const ENOUGH: usize = 16 * 1024;

/// How each compressed message ended before its sender took that away (section 7.2.1).
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

thread_local! {
    /// 300 KB, made for the first message that a thread compresses.
    static COMPRESS: RefCell<CompressorOxide> = RefCell::new(
        CompressorOxide::with_format_and_level(DataFormat::Raw, CompressionLevel::BestSpeed),
    );
}

/// Appends a message, compressed.
pub(crate) fn deflate(plain: &[u8], into: &mut Vec<u8>) {
    into.reserve(64 + plain.len() / 2);
    let (status, read) = COMPRESS.with_borrow_mut(|compress| {
        compress.reset();
        compress_to_output(compress, plain, TDEFLFlush::Sync, |bytes| {
            into.extend_from_slice(bytes);
            true
        })
    });
    debug_assert_eq!((status, read), (TDEFLStatus::Okay, plain.len()));
    let whole = into.len() - TAIL.len();
    debug_assert_eq!(into[whole..], TAIL);
    into.truncate(whole);
}

/// What a peer's messages need to be inflated: 43 KB for as long as one of them is unfinished.
#[derive(Debug, Default)]
pub(super) enum Inflate {
    /// There is no compression on this connection.
    #[default]
    Refused,
    Waiting,
    Message(Inflater),
    /// Nobody looks at messages any more.
    Stopped,
}

impl Inflate {
    /// Whether a frame may say that it begins a compressed message.
    pub(super) fn may_start(&self, opcode: OpCode) -> bool {
        !matches!(self, Self::Refused) && matches!(opcode, OpCode::Data(Data::Text | Data::Binary))
    }

    /// Whether the payload of a frame is to be inflated; `start`: it begins a compressed message.
    pub(super) fn is_on(&mut self, start: bool) -> bool {
        if start && matches!(self, Self::Waiting) {
            *self = Self::Message(Inflater::default());
        }
        matches!(self, Self::Message(_))
    }

    /// Appends what a piece of a message becomes.
    ///
    /// # Errors
    /// It is not compressed correctly.
    pub(super) fn add(&mut self, piece: &[u8], into: &mut BytesMut) -> Result<(), Violation> {
        match self {
            Self::Message(inflater) => inflater.add(piece, into),
            Self::Refused | Self::Waiting | Self::Stopped => Ok(()),
        }
    }

    /// The message is complete; its state is given back.
    ///
    /// # Errors
    /// As [`add`](Self::add).
    pub(super) fn end(&mut self, into: &mut BytesMut) -> Result<(), Violation> {
        let ended = self.add(&TAIL, into);
        if let Self::Message(_) = self {
            *self = Self::Waiting;
        }
        ended
    }

    pub(super) fn stop(&mut self) {
        if !matches!(self, Self::Refused) {
            *self = Self::Stopped;
        }
    }
}

/// A message that is being inflated.
pub(super) struct Inflater {
    state: Box<DecompressorOxide>,
    /// A ring of the last 32 KiB, as far as deflate can refer back.
    window: Box<[u8]>,
    at: usize,
    /// It has gone round. Before that a distance may reach beyond the start of the message.
    is_full: bool,
}

impl Default for Inflater {
    fn default() -> Self {
        Self {
            state: Box::default(),
            window: vec![0; TINFL_LZ_DICT_SIZE].into(),
            at: 0,
            is_full: false,
        }
    }
}

impl fmt::Debug for Inflater {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inflater").finish_non_exhaustive()
    }
}

impl Inflater {
    fn add(&mut self, mut piece: &[u8], into: &mut BytesMut) -> Result<(), Violation> {
        loop {
            // As long as the window is said not to wrap, distances are compared with what is there.
            let wrapping = match self.is_full {
                true => 0,
                false => TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF,
            };
            let flags = TINFL_FLAG_HAS_MORE_INPUT | wrapping;
            let (status, read, written) =
                decompress(&mut self.state, piece, &mut self.window, self.at, flags);
            piece = &piece[read..];
            into.extend_from_slice(&self.window[self.at..self.at + written]);
            self.at += written;
            if self.at == self.window.len() {
                (self.at, self.is_full) = (0, true);
            }
            match status {
                TINFLStatus::NeedsMoreInput => return Ok(()),
                TINFLStatus::HasMoreOutput => {}
                // Further blocks may stand behind one that says it is the last (section 7.2.3.5).
                TINFLStatus::Done => self.state.init(),
                _ => return Err(Violation("a compressed message cannot be inflated")),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn inflate(pieces: &[&[u8]]) -> Result<Vec<u8>, Violation> {
        let (mut inflate, mut into) = (Inflate::Waiting, BytesMut::new());
        assert!(inflate.is_on(true));
        for piece in pieces {
            inflate.add(piece, &mut into)?;
        }
        inflate.end(&mut into)?;
        Ok(into.to_vec())
    }

    #[test]
    fn messages_of_rfc_7692() {
        // Section 7.2.3: one block, a stored block, a last block, and two blocks.
        let compressed = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
        assert_eq!(inflate(&[&compressed]), Ok(b"Hello".to_vec()));
        let stored = [
            0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00,
        ];
        assert_eq!(inflate(&[&stored]), Ok(b"Hello".to_vec()));
        let last = [0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00];
        assert_eq!(inflate(&[&last]), Ok(b"Hello".to_vec()));
        let two = [
            0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00,
        ];
        assert_eq!(inflate(&[&two[..3], &two[3..]]), Ok(b"Hello".to_vec()));
        assert_eq!(inflate(&[]), Ok(vec![]));
    }

    #[test]
    fn what_is_no_compression_is_refused() {
        let broken = Err(Violation("a compressed message cannot be inflated"));
        assert_eq!(inflate(&[b"{\"type\":6}\x1e"]), broken);
        assert_eq!(inflate(&[&[0xff; 40]]), broken);
    }

    /// `Hello` and then, with fixed codes: three bytes from `distance` back.
    fn reference(prefix: &[u8], distance: u16) -> Vec<u8> {
        let mut message = Vec::new();
        for block in prefix.chunks(0x8000) {
            let length = u16::try_from(block.len()).expect("short");
            message.push(0);
            message.extend(length.to_le_bytes());
            message.extend((!length).to_le_bytes());
            message.extend(block);
        }
        let (symbol, extra, base) = match distance {
            1..=4 => (distance - 1, 0, distance),
            5..=6 => (4, 1, 5),
            32_767..=32_768 => (29, 13, 24_577),
            _ => unreachable!("not needed"),
        };
        let mut bits = vec![false, true, false];
        let huffman =
            |code: u16, length: u16| (0..length).rev().map(move |bit| code >> bit & 1 == 1);
        bits.extend(huffman(1, 7));
        bits.extend(huffman(symbol, 5));
        bits.extend((0..extra).map(|bit| (distance - base) >> bit & 1 == 1));
        bits.extend(huffman(0, 7));
        // An empty stored block begins, whose lengths are the tail.
        bits.extend([false; 3]);
        let bytes = bits.chunks(8);
        message.extend(bytes.map(|bits| {
            bits.iter()
                .rev()
                .fold(0, |byte, bit| byte << 1 | u8::from(*bit))
        }));
        message
    }

    #[test]
    fn what_refers_to_before_the_message_is_refused() {
        let broken = Err(Violation("a compressed message cannot be inflated"));
        assert_eq!(
            inflate(&[&reference(b"Hello", 5)]),
            Ok(b"HelloHel".to_vec())
        );
        assert_eq!(inflate(&[&reference(b"Hello", 6)]), broken);
        assert_eq!(inflate(&[&reference(b"", 1)]), broken);
        // Up to the last byte in front of the window's end, and beyond it.
        for (before, is_refused) in [
            (32_767, true),
            (32_768, false),
            (32_769, false),
            (70_000, false),
        ] {
            let prefix: Vec<u8> = (0..before).map(|i: u32| (i % 251) as u8).collect();
            let message = reference(&prefix, 32_768);
            for piece in [PIECE, 40_000] {
                let pieces: Vec<&[u8]> = message.chunks(piece).collect();
                let back = prefix.len().checked_sub(32_768);
                let expected = back.map(|back| [&prefix[..], &prefix[back..back + 3]].concat());
                assert_eq!(expected.is_none(), is_refused);
                assert_eq!(
                    inflate(&pieces),
                    expected.map_or_else(|| broken.clone(), Ok)
                );
            }
        }
    }

    #[test]
    fn blocks_behind_a_last_one_may_refer_back() {
        let last = [0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
        let message = [&last[..], &reference(b"", 4)].concat();
        assert_eq!(inflate(&[&message]), Ok(b"Helloell".to_vec()));
    }

    /// What a sender that keeps its window writes the second time, though it has agreed not to.
    #[test]
    fn messages_that_refer_to_others_are_refused() {
        let mut compress =
            CompressorOxide::with_format_and_level(DataFormat::Raw, CompressionLevel::BestSpeed);
        let mut message = || {
            let mut out = Vec::new();
            compress_to_output(
                &mut compress,
                b"the same words, the same words",
                TDEFLFlush::Sync,
                |bytes| {
                    out.extend_from_slice(bytes);
                    true
                },
            );
            out.truncate(out.len() - TAIL.len());
            out
        };
        let (first, second) = (message(), message());
        assert!(second.len() < first.len());
        assert_eq!(
            inflate(&[&first]),
            Ok(b"the same words, the same words".to_vec())
        );
        let broken = Err(Violation("a compressed message cannot be inflated"));
        assert_eq!(inflate(&[&second]), broken);
    }

    #[test]
    fn a_piece_of_a_bomb_stays_below_34_kilobytes() {
        let mut bomb = Vec::new();
        deflate(&vec![0; 5 << 20], &mut bomb);
        assert!(bomb.len() < 30_000, "{}", bomb.len());
        let (mut inflate, mut into, mut all) = (Inflate::Waiting, BytesMut::new(), 0);
        assert!(inflate.is_on(true));
        for piece in bomb.chunks(PIECE) {
            inflate.add(piece, &mut into).expect("well formed");
            assert!(into.len() < 34 * 1024, "{}", into.len());
            all += into.len();
            into.clear();
        }
        inflate.end(&mut into).expect("well formed");
        assert_eq!(all + into.len(), 5 << 20);
    }

    proptest! {
        #[test]
        fn what_is_compressed_comes_back_from_any_pieces(
            messages in proptest::collection::vec(proptest::collection::vec(0..4u8, 0..5_000), 1..4),
            piece in 1..100usize,
        ) {
            for message in messages {
                let mut compressed = Vec::new();
                deflate(&message, &mut compressed);
                let pieces: Vec<&[u8]> = compressed.chunks(piece).collect();
                prop_assert_eq!(inflate(&pieces), Ok(message));
            }
        }
    }
}
