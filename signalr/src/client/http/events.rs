//! A parser of event streams (WHATWG HTML, section 9.2.6), fed with pieces cut anywhere.

use bytes::BytesMut;
use memchr::memchr2;

const BOM: &[u8] = b"\xef\xbb\xbf";
/// The only field that carries messages.
const DATA: &[u8] = b"data";

/// An event is longer than is allowed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooLong;

/// Takes the data of events out of a stream; the names, ids and comments of a stream mean nothing here.
#[derive(Debug)]
pub(super) struct Events {
    place: Place,
    /// The last byte was a carriage return, whose line feed may follow.
    after_return: bool,
    /// Of the event that is not complete.
    data: BytesMut,
    /// Whether it has a line of data at all.
    has_data: bool,
    /// Bytes that an event may have.
    limit: usize,
}

#[derive(Debug)]
enum Place {
    /// At the start of the stream, behind so many bytes of a byte order mark.
    Start(usize),
    /// At the start of a line, behind so many bytes of `data`.
    Name(usize),
    /// Behind the colon, where one space does not count.
    Colon,
    Value,
    /// In a line that does not matter.
    Ignored,
}

impl Events {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            place: Place::Start(0),
            after_return: false,
            data: BytesMut::new(),
            has_data: false,
            limit,
        }
    }

    /// Reads a piece, and appends the data of the events that it completes.
    ///
    /// # Errors
    /// An event exceeds the limit.
    pub(super) fn feed(&mut self, mut piece: &[u8], into: &mut BytesMut) -> Result<(), TooLong> {
        while let Some(first) = piece.first() {
            if std::mem::take(&mut self.after_return) && *first == b'\n' {
                piece = &piece[1..];
                continue;
            }
            match self.place {
                Place::Value | Place::Ignored => piece = self.rest_of_line(piece)?,
                _ => {
                    let first = *first;
                    if self.step(first, into)? {
                        piece = &piece[1..];
                    }
                }
            }
        }
        Ok(())
    }

    /// Whether the byte is used up.
    fn step(&mut self, byte: u8, into: &mut BytesMut) -> Result<bool, TooLong> {
        let is_end = matches!(byte, b'\r' | b'\n');
        match self.place {
            Place::Start(seen) if BOM.get(seen) == Some(&byte) => {
                self.place = Place::Start(seen + 1);
            }
            Place::Start(0 | 3) => {
                self.place = Place::Name(0);
                return Ok(false);
            }
            Place::Name(0) if is_end => {
                self.dispatch(into);
                self.after_return = byte == b'\r';
            }
            Place::Name(4) if is_end => {
                self.begin_data()?;
                self.end_line(byte);
            }
            _ if is_end && !matches!(self.place, Place::Colon) => self.end_line(byte),
            Place::Name(seen) if DATA.get(seen) == Some(&byte) => {
                self.place = Place::Name(seen + 1);
            }
            Place::Name(4) if byte == b':' => {
                self.begin_data()?;
                self.place = Place::Colon;
            }
            Place::Colon => {
                self.place = Place::Value;
                return Ok(byte == b' ');
            }
            _ => self.place = Place::Ignored,
        }
        Ok(true)
    }

    fn rest_of_line<'a>(&mut self, piece: &'a [u8]) -> Result<&'a [u8], TooLong> {
        let end = memchr2(b'\r', b'\n', piece);
        let value = &piece[..end.unwrap_or(piece.len())];
        if matches!(self.place, Place::Value) {
            self.append(value)?;
        }
        let Some(end) = end else {
            return Ok(&[]);
        };
        self.end_line(piece[end]);
        Ok(&piece[end + 1..])
    }

    fn end_line(&mut self, byte: u8) {
        self.place = Place::Name(0);
        self.after_return = byte == b'\r';
    }

    /// A further line of data is parted from the one before.
    fn begin_data(&mut self) -> Result<(), TooLong> {
        if std::mem::replace(&mut self.has_data, true) {
            self.append(b"\n")?;
        }
        Ok(())
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), TooLong> {
        if self.data.len() + bytes.len() > self.limit {
            return Err(TooLong);
        }
        self.data.extend_from_slice(bytes);
        Ok(())
    }

    fn dispatch(&mut self, into: &mut BytesMut) {
        self.has_data = false;
        into.extend_from_slice(&std::mem::take(&mut self.data));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(pieces: &[&[u8]]) -> String {
        let (mut events, mut into) = (Events::new(usize::MAX), BytesMut::new());
        for piece in pieces {
            events.feed(piece, &mut into).expect("no limit");
            into.extend_from_slice(b"|");
        }
        let text = String::from_utf8_lossy(&into).into_owned();
        text.trim_end_matches('|').to_owned()
    }

    #[test]
    fn the_data_of_events_is_taken_out() {
        for (stream, data) in [
            ("data: a\n\n", "a"),
            ("data: a\r\n\r\n", "a"),
            ("data: a\r\r", "a"),
            ("data:a\n\n", "a"),
            ("data:  a \n\n", " a "),
            ("data: a\ndata: b\n\n", "a\nb"),
            ("data: a\r\ndata:\r\ndata\r\ndata: b\r\n\r\n", "a\n\n\nb"),
            ("data: a\n\ndata: b\n\n", "ab"),
            (": a comment\n\ndata: a\n:another\n\n", "a"),
            ("event: x\nid: 1\nretry: 5\ndata: a\n\n", "a"),
            ("datax: no\ndat: no\nDATA: no\n data: no\n\n", ""),
            ("data: a: b\n\n", "a: b"),
            ("\u{feff}data: a\n\n", "a"),
            ("data: \u{feff}a\n\n", "\u{feff}a"),
            ("\n\n\n\r\ndata: a\n\n", "a"),
            ("data: not complete\n", ""),
            ("data: not complete", ""),
            (
                "\r\ndata: {\"a\":\"\u{e9}\"}\u{1e}\r\n\r\n",
                "{\"a\":\"\u{e9}\"}\u{1e}",
            ),
        ] {
            assert_eq!(read(&[stream.as_bytes()]), data, "{stream:?}");
        }
    }

    #[test]
    fn half_a_byte_order_mark_is_no_field() {
        assert_eq!(read(&[b"\xef\xbbdata: a\n\ndata: b\n\n"]), "b");
    }

    #[test]
    fn events_are_bounded_and_others_are_not() {
        let (mut events, mut into) = (Events::new(4), BytesMut::new());
        let fed = events.feed(
            b"data: ab\ndata: c\n\ndata: abcd\n\n: a longer comment\n",
            &mut into,
        );
        assert_eq!((fed, &into[..]), (Ok(()), &b"ab\ncabcd"[..]));
        assert_eq!(events.feed(b"data: ab\ndata: cd", &mut into), Err(TooLong));
    }

    proptest! {
        #[test]
        fn any_cut_gives_the_same_events(
            lines in proptest::collection::vec(
                prop_oneof![
                    Just("data: one"), Just("data:two"), Just("data"), Just(""), Just(""),
                    Just(": comment"), Just("event: x"), Just("datum: no"), Just("\u{feff}"),
                ],
                0..20,
            ),
            ends in proptest::collection::vec(prop_oneof![Just("\n"), Just("\r\n"), Just("\r")], 20),
            cuts in proptest::collection::vec(0usize..200, 0..20),
        ) {
            let stream: String = lines.iter().zip(&ends).flat_map(|(line, end)| [*line, *end]).collect();
            let bytes = stream.as_bytes();
            let mut cuts: Vec<usize> = cuts.into_iter().filter(|cut| *cut <= bytes.len()).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
            prop_assert_eq!(read(&pieces).replace('|', ""), read(&[bytes]));
        }
    }
}
