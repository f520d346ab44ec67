//! Where one message ends and the next begins (section 2), cut at any byte, with the receive limit.

use bytes::{Buf, BytesMut};

use crate::error::{Error, Kind};

/// Ends a text frame.
pub(crate) const RECORD_SEPARATOR: u8 = 0x1e;

/// Collects bytes and hands out whole text frames.
///
/// The limit counts the whole frame with its separator (section 9.1): complete frames in front are handed out first, then the
/// buffer fails as soon as more than `limit` bytes are there and none of the first `limit` ends a frame.
#[derive(Debug)]
pub(crate) struct FrameBuffer {
    bytes: BytesMut,
    limit: Option<usize>,
    /// Bytes at the front that were searched for a separator before, so that no byte is searched twice.
    searched: usize,
    /// Bytes at the front that the caller has finished with.
    taken: usize,
}

impl FrameBuffer {
    pub(crate) fn new(limit: Option<usize>) -> Self {
        Self {
            bytes: BytesMut::new(),
            limit,
            searched: 0,
            taken: 0,
        }
    }

    /// Where a transport appends what it has read.
    pub(crate) fn space(&mut self) -> &mut BytesMut {
        self.release();
        &mut self.bytes
    }

    /// Whether bytes of an unfinished frame are waiting.
    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.len() == self.taken
    }

    /// The next whole text frame without its separator, or `None` until more bytes have come.
    pub(crate) fn next_text(&mut self) -> Result<Option<&[u8]>, Error> {
        self.release();
        let found = memchr::memchr(RECORD_SEPARATOR, &self.bytes[self.searched..]);
        let length = found.map_or(self.bytes.len(), |at| self.searched + at + 1);
        if let Some(limit) = self.limit
            && length > limit
        {
            return Err(Kind::TooLarge { limit }.into());
        }
        if found.is_none() {
            self.searched = length;
            return Ok(None);
        }
        self.searched = 0;
        self.taken = length;
        Ok(Some(&self.bytes[..length - 1]))
    }

    /// Hands the last frame out once more.
    pub(crate) fn keep(&mut self) {
        self.taken = 0;
    }

    /// Gives the memory back when nothing is waiting: an idle connection holds no buffer.
    pub(crate) fn shrink(&mut self) {
        self.release();
        if self.bytes.is_empty() {
            self.bytes = BytesMut::new();
        }
    }

    fn release(&mut self) {
        self.bytes.advance(std::mem::take(&mut self.taken));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn frames(chunks: &[&[u8]], limit: Option<usize>) -> Result<Vec<Vec<u8>>, Error> {
        let mut buffer = FrameBuffer::new(limit);
        let mut frames = Vec::new();
        for chunk in chunks {
            buffer.space().extend_from_slice(chunk);
            while let Some(frame) = buffer.next_text()? {
                frames.push(frame.to_vec());
            }
        }
        Ok(frames)
    }

    #[test]
    fn vectors_f_13_and_f_14() {
        assert_eq!(frames(&[b"ABC\x1e"], None).expect("one"), [b"ABC"]);
        assert!(frames(&[b"ABC"], None).expect("none").is_empty());
    }

    #[test]
    fn empty_frame_is_handed_out() {
        assert_eq!(frames(&[b"\x1e"], None).expect("one"), [b""]);
    }

    #[test]
    fn limit_counts_the_separator() {
        assert_eq!(frames(&[b"ABC\x1e"], Some(4)).expect("fits").len(), 1);
        let error = frames(&[b"ABCD\x1e"], Some(4)).expect_err("one too many");
        assert_eq!(
            error.to_string(),
            "The maximum message size of 4B was exceeded. The message size can be configured in AddHubOptions."
        );
    }

    #[test]
    fn frames_before_an_oversize_one_are_handed_out() {
        let mut buffer = FrameBuffer::new(Some(4));
        buffer.space().extend_from_slice(b"ABC\x1eABCDE");
        assert_eq!(buffer.next_text().expect("in front"), Some(&b"ABC"[..]));
        assert!(buffer.next_text().is_err());
    }

    #[test]
    fn oversize_is_noticed_before_the_frame_is_complete() {
        assert!(
            frames(&[b"ABCD"], Some(4))
                .expect("may still fit")
                .is_empty()
        );
        assert!(frames(&[b"ABCD", b"E"], Some(4)).is_err());
    }

    #[test]
    fn an_idle_buffer_holds_no_memory() {
        let mut buffer = FrameBuffer::new(None);
        buffer.space().extend_from_slice(b"ABC\x1e");
        assert!(buffer.next_text().expect("one").is_some());
        assert!(buffer.is_empty());
        buffer.shrink();
        assert_eq!(buffer.space().capacity(), 0);
    }

    proptest! {
        #[test]
        fn any_chunking_gives_the_same_frames(
            bytes in proptest::collection::vec(prop_oneof![Just(RECORD_SEPARATOR), any::<u8>()], 0..200),
            cuts in proptest::collection::vec(0usize..200, 0..20),
        ) {
            let whole = frames(&[&bytes], None).expect("no limit");
            let mut cuts: Vec<usize> = cuts.into_iter().filter(|cut| *cut <= bytes.len()).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let chunks: Vec<&[u8]> = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
            prop_assert_eq!(frames(&chunks, None).expect("no limit"), whole);
        }

        #[test]
        fn the_limit_does_not_depend_on_chunking(
            bytes in proptest::collection::vec(prop_oneof![1 => Just(RECORD_SEPARATOR), 4 => any::<u8>()], 0..200),
            limit in 1usize..20,
        ) {
            let single: Vec<&[u8]> = bytes.chunks(1).collect();
            prop_assert_eq!(
                frames(&single, Some(limit)).map_err(|error| error.to_string()),
                frames(&[&bytes], Some(limit)).map_err(|error| error.to_string())
            );
        }
    }
}
