//! The usual forms of a message, read in one pass, for a third of what the general reader costs.
//!
//! Whatever is unusual in any way (escapes in ids and names, headers, spaces but behind commas and colons, repeated or unknown
//! properties, deep nesting, and all that is wrong) is left to the general reader, which alone knows the texts of errors. So there is
//! one rule: what this one answers, the general one answers too, in the same words. Tests and a fuzz target compare them.

use std::borrow::Cow;

use super::step::{expect, plain_string, space, value};
use crate::protocol::{Headers, Invocation, Message, Outcome, Payload, Text};

/// Reads a message; `None`: the general reader has to look at it.
pub(super) fn message(text: &str) -> Option<Message<'_>> {
    let bytes = text.as_bytes();
    let mut scan = Scan::default();
    let mut at = space(bytes, expect(bytes, 0, b'{')?);
    loop {
        at = scan.property(text, at)?;
        match bytes.get(at)? {
            b',' => at = space(bytes, at + 1),
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
    /// Reads a property; where it ends.
    fn property(&mut self, text: &'a str, at: usize) -> Option<usize> {
        let bytes = text.as_bytes();
        let rest = bytes.get(at..)?;
        let value_of = |name: &str| {
            let is_it = rest.starts_with(name.as_bytes());
            is_it.then(|| space(bytes, at + name.len()))
        };
        if let Some(at) = value_of("\"type\":") {
            return self.kind(bytes, at);
        }
        if let Some(at) = value_of("\"target\":") {
            return string(&mut self.target, text, at);
        }
        if let Some(at) = value_of("\"arguments\":") {
            let is_list = *bytes.get(at)? == b'[';
            return is_list.then(|| any(&mut self.arguments, text, at))?;
        }
        if let Some(at) = value_of("\"invocationId\":") {
            return string(&mut self.id, text, at);
        }
        if let Some(at) = value_of("\"item\":") {
            return any(&mut self.item, text, at);
        }
        if let Some(at) = value_of("\"result\":") {
            return any(&mut self.result, text, at);
        }
        if let Some(at) = value_of("\"error\":") {
            return string(&mut self.error, text, at);
        }
        self.stream_ids(text, value_of("\"streamIds\":")?)
    }

    /// A single digit.
    fn kind(&mut self, bytes: &[u8], at: usize) -> Option<usize> {
        let is_new = self.kind == 0;
        self.kind = *bytes.get(at)?;
        let ends = matches!(bytes.get(at + 1)?, b',' | b'}');
        (is_new && ends).then_some(at + 1)
    }

    fn stream_ids(&mut self, text: &'a str, at: usize) -> Option<usize> {
        let bytes = text.as_bytes();
        let mut ids = Vec::new();
        let mut at = space(bytes, expect(bytes, at, b'[')?);
        while *bytes.get(at)? != b']' || !ids.is_empty() {
            let mut id = None;
            at = space(bytes, string(&mut id, text, at)?);
            ids.push(Cow::Borrowed(id?));
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

/// Reads a string without escapes, which must be the first for its place; where it ends.
fn string<'a>(place: &mut Option<&'a str>, text: &'a str, at: usize) -> Option<usize> {
    let end = plain_string(text.as_bytes(), at)?;
    let value = text.get(at + 1..end - 1)?;
    place.replace(value).is_none().then_some(end)
}

/// As [`string`], for any value.
fn any<'a>(place: &mut Option<&'a str>, text: &'a str, at: usize) -> Option<usize> {
    let end = value(text.as_bytes(), at)?;
    let value = text.get(at..end)?;
    place.replace(value).is_none().then_some(end)
}
