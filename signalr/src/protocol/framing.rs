//! Where one message ends and the next begins (section 2), cut at any byte, with the receive limit.
//!
//! Text frames end with a separator, binary frames begin with their length.

use bytes::{Buf, BytesMut};

use crate::error::{Error, Kind};

/// Ends a text frame.
pub(crate) const RECORD_SEPARATOR: u8 = 0x1e;

/// Collects bytes and hands out whole frames.
///
/// The limit counts the whole frame with its separator or length (section 9.1): complete frames in front are handed out first,
/// then the buffer fails as soon as a frame is sure to be larger. What a length announces is never reserved.
#[derive(Debug)]
pub(crate) struct FrameBuffer {
    bytes: BytesMut,
    limit: Option<usize>,
    /// Bytes at the front that were handed out: the caller has finished with all but the last frame of them.
    taken: usize,
    /// Bytes behind those that were searched for a separator before, so that no byte is searched twice.
    searched: usize,
}

impl FrameBuffer {
    pub(crate) fn new(limit: Option<usize>) -> Self {
        Self {
            bytes: BytesMut::new(),
            limit,
            taken: 0,
            searched: 0,
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
        let rest = &self.bytes[self.taken..];
        let found = memchr::memchr(RECORD_SEPARATOR, &rest[self.searched..]);
        let length = found.map_or(rest.len(), |at| self.searched + at + 1);
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
        self.taken += length;
        Ok(Some(&rest[..length - 1]))
    }

    /// The next whole binary frame without its length, or `None` until more bytes have come.
    pub(crate) fn next_binary(&mut self) -> Result<Option<&[u8]>, Error> {
        let rest = &self.bytes[self.taken..];
        let Some((start, length)) = read_length(rest)? else {
            return Ok(None);
        };
        // The length is below 2^31, so the sum cannot overflow.
        let end = start + length;
        if let Some(limit) = self.limit
            && end > limit
        {
            return Err(Kind::TooLarge { limit }.into());
        }
        if rest.len() < end {
            return Ok(None);
        }
        self.taken += end;
        Ok(Some(&rest[start..end]))
    }

    /// The next whole frame of either kind.
    pub(crate) fn next(&mut self, binary: bool) -> Result<Option<&[u8]>, Error> {
        if self.is_empty() {
            // Mostly so: a task that is woken to write looks here first.
            Ok(None)
        } else if binary {
            self.next_binary()
        } else {
            self.next_text()
        }
    }

    /// A place to which [`rewind`](Self::rewind) goes back, as long as nothing was appended.
    #[cfg(any(feature = "server", feature = "client"))]
    pub(crate) fn mark(&self) -> usize {
        self.taken
    }

    /// Takes back what was handed out since.
    #[cfg(any(feature = "server", feature = "client"))]
    pub(crate) fn rewind(&mut self, mark: usize) {
        self.taken = mark;
        self.searched = 0;
    }

    /// Drops all that was not handed out.
    #[cfg(any(feature = "server", feature = "client"))]
    pub(crate) fn clear(&mut self) {
        *self = Self::new(self.limit);
    }

    /// Gives the memory back when nothing is waiting: an idle connection holds no buffer.
    pub(crate) fn shrink(&mut self) {
        self.release();
        if self.bytes.is_empty() && self.bytes.capacity() > 0 {
            self.bytes = BytesMut::new();
        }
    }

    fn release(&mut self) {
        if self.taken > 0 {
            self.bytes.advance(std::mem::take(&mut self.taken));
        }
    }
}

/// Seven bits of a length a byte, the lowest first, the top bit set on all but the last.
const MORE: u8 = 0x80;

/// Where the body starts and how long it is; `None`: the length is not complete.
///
/// # Errors
/// It is above 2^31 - 1 (HP-25).
fn read_length(bytes: &[u8]) -> Result<Option<(usize, usize)>, Error> {
    let mut length = 0;
    for (at, byte) in bytes.iter().take(5).enumerate() {
        if at == 4 && *byte > 0x07 {
            return Err(Error::protocol(
                "Messages over 2GB in size are not supported.",
            ));
        }
        length |= usize::from(byte & !MORE) << (7 * at);
        if byte & MORE == 0 {
            return Ok(Some((at + 1, length)));
        }
    }
    Ok(None)
}

/// Appends the frame of what `body` writes. Most bodies are short: those whose length takes more than one byte are moved once.
#[cfg(feature = "msgpack")]
pub(super) fn write_binary<E>(
    out: &mut Vec<u8>,
    body: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
) -> Result<(), E> {
    let at = out.len();
    out.push(0);
    body(out)?;
    let mut length = out.len() - at - 1;
    let low_bits = |length: usize| (length & 0x7f).to_le_bytes()[0];
    let (mut prefix, mut used) = ([0; 10], 0);
    while length > 0x7f {
        prefix[used] = low_bits(length) | MORE;
        length >>= 7;
        used += 1;
    }
    prefix[used] = low_bits(length);
    if used == 0 {
        out[at] = prefix[0];
    } else {
        out.splice(at..=at, prefix[..=used].iter().copied());
    }
    Ok(())
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

    fn binary_frames(chunks: &[&[u8]], limit: Option<usize>) -> Result<Vec<Vec<u8>>, String> {
        let mut buffer = FrameBuffer::new(limit);
        let mut frames = Vec::new();
        for chunk in chunks {
            buffer.space().extend_from_slice(chunk);
            while let Some(frame) = buffer.next_binary().map_err(|error| error.to_string())? {
                frames.push(frame.to_vec());
            }
        }
        Ok(frames)
    }

    #[test]
    fn vectors_f_of_binary_frames() {
        let long: Vec<u8> = [0x80, 0x01].into_iter().chain(0..=0x7f).collect();
        let body: Vec<u8> = (0..=0x7f).collect();
        let two = b"\x00\x0eHello,\r\nWorld!";
        for (bytes, expected) in [
            (&[0x00][..], vec![&b""[..]]),
            (b"\x03ABC", vec![b"ABC"]),
            (b"\x0bA\nR\rC\r\n;DEF", vec![b"A\nR\rC\r\n;DEF"]),
            (b"\x04\xab\xcd\xef\x12", vec![b"\xab\xcd\xef\x12"]),
            (&long, vec![&body]),
            (two, vec![b"", b"Hello,\r\nWorld!"]),
            (&[0x80], vec![]),
            (b"\x04\xab\xcd\xef", vec![]),
            (b"\x09\x00\x00", vec![]),
            (b"\xff\xff\xff\xff\x07", vec![]),
            (b"\x05\x01", vec![]),
        ] {
            assert_eq!(
                binary_frames(&[bytes], None).expect("fine"),
                expected,
                "{bytes:x?}"
            );
        }
        for bytes in [b"\xff\xff\xff\xff\xff", b"\x80\x80\x80\x80\x08"] {
            assert_eq!(
                binary_frames(&[bytes], None).expect_err("too long"),
                "Messages over 2GB in size are not supported."
            );
        }
    }

    #[test]
    fn the_limit_counts_the_length_and_believes_it() {
        assert_eq!(
            binary_frames(&[b"\x03ABC"], Some(4)).expect("fits").len(),
            1
        );
        assert!(binary_frames(&[b"\x03ABC\x04"], Some(4)).is_err());
        assert!(binary_frames(&[b"\xff\xff\xff\xff\x07"], Some(4)).is_err());
        let mut buffer = FrameBuffer::new(None);
        buffer.space().extend_from_slice(b"\xff\xff\xff\xff\x07");
        assert_eq!(buffer.next_binary().expect("may come"), None);
        assert!(buffer.space().capacity() < 1024, "nothing is reserved");
    }

    #[cfg(feature = "msgpack")]
    #[test]
    fn lengths_are_written_in_their_shortest_form() {
        for (length, prefix) in [
            (0, &[0x00][..]),
            (1, &[0x01]),
            (127, &[0x7f]),
            (128, &[0x80, 0x01]),
            (135, &[0x87, 0x01]),
            (16_383, &[0xff, 0x7f]),
            (16_384, &[0x80, 0x80, 0x01]),
            (2_097_151, &[0xff, 0xff, 0x7f]),
        ] {
            let mut out = b"before".to_vec();
            let body = vec![7; length];
            let write = |out: &mut Vec<u8>| {
                out.extend_from_slice(&body);
                Ok::<_, ()>(())
            };
            write_binary(&mut out, write).expect("written");
            assert_eq!(&out[6..6 + prefix.len()], prefix, "{length}");
            assert_eq!(out[6 + prefix.len()..], body[..], "{length}");
        }
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
        fn any_chunking_gives_the_same_binary_frames(
            bytes in proptest::collection::vec(prop_oneof![0u8..20, any::<u8>()], 0..200),
            limit in proptest::option::of(1usize..40),
        ) {
            let single: Vec<&[u8]> = bytes.chunks(1).collect();
            prop_assert_eq!(binary_frames(&single, limit), binary_frames(&[&bytes], limit));
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
