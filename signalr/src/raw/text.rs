//! Text messages out of a stream of bytes: a message ends where a character ends.

use bytes::{Bytes, BytesMut};

use crate::error::{Error, Kind};

/// The first bytes of a character whose others are still to come: three at most.
#[derive(Debug, Default)]
pub(super) struct Tail(Bytes);

impl Tail {
    /// All whole characters; what is left of a piece goes in front of the next one.
    ///
    /// # Errors
    /// The bytes are no UTF-8, whatever may follow them; none of them is taken.
    pub(super) fn cut(&mut self, piece: Bytes) -> Result<Bytes, Error> {
        let mut text = if self.0.is_empty() {
            piece
        } else {
            let mut joined = BytesMut::with_capacity(self.0.len() + piece.len());
            joined.extend_from_slice(&self.0);
            joined.extend_from_slice(&piece);
            joined.freeze()
        };
        self.0 = match std::str::from_utf8(&text) {
            Ok(_) => Bytes::new(),
            // A copy, so that the piece is not kept for it.
            Err(error) if error.error_len().is_none() => {
                Bytes::copy_from_slice(&text.split_off(error.valid_up_to()))
            }
            Err(_) => {
                let rule = "Bytes that are not UTF-8 cannot travel as text: choose `TransferFormat::Binary` first.";
                return Err(Kind::NotAllowed(rule.into()).into());
            }
        };
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_stay_whole_wherever_the_bytes_are_cut() {
        let text = "aä€𝄞z".as_bytes();
        for first in 0..=text.len() {
            for second in first..=text.len() {
                let mut tail = Tail::default();
                let mut out = Vec::new();
                for piece in [&text[..first], &text[first..second], &text[second..]] {
                    let whole = tail.cut(Bytes::copy_from_slice(piece)).expect("UTF-8");
                    assert!(std::str::from_utf8(&whole).is_ok());
                    out.extend_from_slice(&whole);
                }
                assert_eq!(out, text);
            }
        }
    }

    #[test]
    fn what_is_no_text_is_refused_and_what_came_before_is_kept() {
        let mut tail = Tail::default();
        assert_eq!(
            &tail.cut(Bytes::from_static(b"a\xc3")).expect("begun")[..],
            b"a"
        );
        for bytes in [&b"\xff"[..], b"b", b"\xa4\xff"] {
            let error = tail.cut(bytes.into()).expect_err("no UTF-8");
            assert!(
                error.to_string().contains("TransferFormat::Binary"),
                "{error}"
            );
        }
        assert_eq!(
            &tail.cut(Bytes::from_static(b"\xa4")).expect("whole")[..],
            "ä".as_bytes()
        );
    }
}
