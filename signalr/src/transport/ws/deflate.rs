//! The compression of WebSocket messages (RFC 7692, section 7.2), each by itself.
//!
//! Nothing is kept from message to message. So a waiting connection holds no window, which would be 340 KB for each; what compresses
//! is lent to whichever connection writes; and a compressed broadcast is the same for all.

use std::cell::RefCell;

use bytes::BytesMut;
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
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
    static COMPRESS: RefCell<Compress> = RefCell::new(Compress::new(Compression::fast(), false));
}

/// Appends a message, compressed.
pub(crate) fn deflate(mut plain: &[u8], into: &mut Vec<u8>) {
    COMPRESS.with_borrow_mut(|compress| {
        compress.reset();
        loop {
            into.reserve(64 + plain.len() / 2);
            let before = compress.total_in();
            compress
                .compress_vec(plain, into, FlushCompress::Sync)
                .expect("only wrong parameters fail");
            plain = &plain[length(compress.total_in() - before)..];
            if plain.is_empty() && into.len() < into.capacity() {
                break;
            }
        }
    });
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
    Message(Decompress),
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
            *self = Self::Message(Decompress::new(false));
        }
        matches!(self, Self::Message(_))
    }

    /// Appends what a piece of a message becomes.
    ///
    /// # Errors
    /// It is not compressed correctly.
    pub(super) fn add(&mut self, mut piece: &[u8], into: &mut BytesMut) -> Result<(), Violation> {
        const BROKEN: Violation = Violation("a compressed message cannot be inflated");
        let Self::Message(inflate) = self else {
            return Ok(());
        };
        let mut room = [0; 2 * 1024];
        loop {
            let before = (inflate.total_in(), inflate.total_out());
            let status = inflate
                .decompress(piece, &mut room, FlushDecompress::Sync)
                .map_err(|_| BROKEN)?;
            let read = length(inflate.total_in() - before.0);
            let written = length(inflate.total_out() - before.1);
            piece = &piece[read..];
            into.extend_from_slice(&room[..written]);
            // Further blocks may stand behind one that says it is the last (section 7.2.3.5).
            if status == Status::StreamEnd {
                inflate.reset(false);
            }
            // Less than there is room for may not be all: the window is handed out in parts.
            if (read, written) == (0, 0) {
                return piece.is_empty().then_some(()).ok_or(BROKEN);
            }
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

/// Of what lies in memory.
fn length(bytes: u64) -> usize {
    usize::try_from(bytes).expect("it lies in memory")
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
