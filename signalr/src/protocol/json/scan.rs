//! The usual forms of a message, read in one pass, for a third of what the general reader costs.
//!
//! Whatever is unusual in any way (escapes in ids and names, headers, repeated or unknown properties, deep nesting, and all that is
//! wrong) is left to the general reader, which alone knows the texts of errors. So there is one rule: what this one answers, the
//! general one answers too, in the same words. Tests and a fuzz target compare them.

use std::borrow::Cow;

use super::step::{expect, plain_string, space, value};
use crate::protocol::{Headers, Invocation, Message, Outcome, Payload, Text};

/// Reads a message; `None`: the general reader has to look at it.
pub(super) fn message(text: &str) -> Option<Message<'_>> {
    let bytes = text.as_bytes();
    let mut scan = Scan::default();
    let mut at = expect(bytes, space(bytes, 0), b'{')?;
    loop {
        at = expect(bytes, space(bytes, at), b'"')?;
        at = space(bytes, scan.property(text, at)?);
        match bytes.get(at)? {
            b',' => at += 1,
            b'}' => break,
            _ => return None,
        }
    }
    if at + 1 == bytes.len() {
        scan.into_message()
    } else {
        None
    }
}

/// The properties that have been read.
#[derive(Default)]
struct Scan<'a> {
    kind: u8,
    id: Option<&'a str>,
    target: Option<&'a str>,
    arguments: Option<&'a str>,
    stream_ids: Option<Vec<Text<'a>>>,
    item: Option<&'a str>,
    result: Option<&'a str>,
    error: Option<&'a str>,
}

impl<'a> Scan<'a> {
    /// Reads a property from behind the opening quote of its name; where it ends.
    fn property(&mut self, text: &'a str, at: usize) -> Option<usize> {
        let bytes = text.as_bytes();
        let rest = bytes.get(at..)?;
        let begin = |name: &str| {
            let at = space(bytes, at + name.len());
            Some(space(bytes, expect(bytes, at, b':')?))
        };
        if let Some(name) = is(rest, "type\"") {
            return self.kind(bytes, begin(name)?);
        }
        let (name, place, read): (_, _, Read) = if let Some(name) = is(rest, "invocationId\"") {
            (name, &mut self.id, string)
        } else if let Some(name) = is(rest, "target\"") {
            (name, &mut self.target, string)
        } else if let Some(name) = is(rest, "arguments\"") {
            (name, &mut self.arguments, list)
        } else if let Some(name) = is(rest, "item\"") {
            (name, &mut self.item, any)
        } else if let Some(name) = is(rest, "result\"") {
            (name, &mut self.result, any)
        } else if let Some(name) = is(rest, "error\"") {
            (name, &mut self.error, string)
        } else {
            return self.stream_ids(text, begin(is(rest, "streamIds\"")?)?);
        };
        let (value, end) = read(text, begin(name)?)?;
        place.replace(value).is_none().then_some(end)
    }

    /// A single digit.
    fn kind(&mut self, bytes: &[u8], at: usize) -> Option<usize> {
        let is_new = self.kind == 0;
        self.kind = *bytes.get(at)?;
        let ends = matches!(bytes.get(at + 1)?, b',' | b'}' | b' ');
        (is_new && ends).then_some(at + 1)
    }

    fn stream_ids(&mut self, text: &'a str, at: usize) -> Option<usize> {
        let bytes = text.as_bytes();
        let mut ids = Vec::new();
        let mut at = space(bytes, expect(bytes, at, b'[')?);
        while *bytes.get(at)? != b']' || !ids.is_empty() {
            let (id, end) = string(text, at)?;
            ids.push(Cow::Borrowed(id));
            at = space(bytes, end);
            match bytes.get(at)? {
                b',' => at = space(bytes, at + 1),
                b']' => break,
                _ => return None,
            }
        }
        self.stream_ids.replace(ids).is_none().then_some(at + 1)
    }

    fn into_message(self) -> Option<Message<'a>> {
        let id = self.id.filter(|id| !id.is_empty()).map(Cow::Borrowed);
        let headers = Headers::default();
        Some(match self.kind {
            kind @ (b'1' | b'4') => {
                let streaming = kind == b'4';
                if streaming && id.is_none() {
                    return None;
                }
                Message::Invocation(Invocation {
                    streaming,
                    headers,
                    id,
                    target: self.target.filter(|name| !name.is_empty())?.into(),
                    arguments: Payload::Json(self.arguments?),
                    stream_ids: self.stream_ids.unwrap_or_default(),
                })
            }
            b'2' => Message::StreamItem {
                headers,
                id: id?,
                item: Payload::Json(self.item?),
            },
            b'3' => Message::Completion {
                headers,
                id: id?,
                outcome: match (self.error, self.result) {
                    (Some(_), Some(_)) => return None,
                    (Some(error), None) => Outcome::Error(error.into()),
                    (None, Some(result)) => Outcome::Result(Payload::Json(result)),
                    (None, None) => Outcome::Void,
                },
            },
            b'5' => Message::CancelInvocation { headers, id: id? },
            b'6' => Message::Ping,
            _ => return None,
        })
    }
}

fn is<'n>(rest: &[u8], name: &'n str) -> Option<&'n str> {
    rest.starts_with(name.as_bytes()).then_some(name)
}

/// Reads a value; where it ends.
type Read = for<'a> fn(&'a str, usize) -> Option<(&'a str, usize)>;

/// A string without escapes, and without its quotes.
fn string(text: &str, at: usize) -> Option<(&str, usize)> {
    let end = plain_string(text.as_bytes(), at)?;
    Some((text.get(at + 1..end - 1)?, end))
}

fn any(text: &str, at: usize) -> Option<(&str, usize)> {
    let end = value(text.as_bytes(), at)?;
    Some((text.get(at..end)?, end))
}

fn list(text: &str, at: usize) -> Option<(&str, usize)> {
    any(text, at).filter(|(value, _)| value.starts_with('['))
}
