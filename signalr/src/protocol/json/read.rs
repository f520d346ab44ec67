//! Reading, in any property order, with the error texts of section 5.3.

use std::{borrow::Cow, fmt};

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::scan;
use crate::{
    error::Error,
    protocol::{Headers, Invocation, Message, Outcome, Payload, Text},
};

/// Nesting that .NET's reader allows (section 5.2).
const MAX_DEPTH: usize = 64;

/// Reads one message from a frame without its separator; `None` for an unknown type.
pub(in crate::protocol) fn message(frame: &[u8]) -> Result<Option<Message<'_>>, Error> {
    let text = std::str::from_utf8(frame).map_err(|_| unreadable())?;
    match scan::message(text) {
        Some(message) => Ok(Some(message)),
        None => general(text),
    }
}

/// Reads any message.
pub(super) fn general(text: &str) -> Result<Option<Message<'_>>, Error> {
    if is_too_deep(text.as_bytes()) {
        return Err(unreadable());
    }
    let mut error = None;
    // What follows the closing brace is not looked at: `end` is not called.
    let fields = (&mut serde_json::Deserializer::from_str(text))
        .deserialize_any(ObjectVisitor { error: &mut error })
        .map_err(|_| error.unwrap_or_else(unreadable))?;
    fields.into_message()
}

/// A property as it stood in the frame; the last of several wins.
#[derive(Default)]
struct Fields<'a> {
    kind: Option<i32>,
    headers: Headers<'a>,
    id: Option<Text<'a>>,
    target: Option<Text<'a>>,
    arguments: Option<Payload<'a>>,
    stream_ids: Vec<Text<'a>>,
    item: Option<Payload<'a>>,
    result: Option<Payload<'a>>,
    error: Option<Text<'a>>,
    allow_reconnect: bool,
    sequence_id: Option<i64>,
}

impl<'a> Fields<'a> {
    fn set(&mut self, name: &str, raw: &'a RawValue) -> Result<(), Error> {
        let json = raw.get();
        match name {
            "type" => self.kind = Some(number(name, json)?),
            "headers" => self.headers = headers(json)?,
            "invocationId" => self.id = Some(string(name, json)?),
            "target" => self.target = Some(string(name, json)?),
            "arguments" => self.arguments = Some(array(name, json)?),
            "streamIds" => self.stream_ids = stream_ids(json)?,
            "item" => self.item = Some(Payload::Json(json)),
            "result" => self.result = Some(Payload::Json(json)),
            "error" => self.error = Some(string(name, json)?),
            "allowReconnect" => self.allow_reconnect = boolean(json)?,
            "sequenceId" if json == "null" => self.sequence_id = None,
            "sequenceId" => self.sequence_id = Some(number(name, json)?),
            _ => {}
        }
        Ok(())
    }

    fn into_message(self) -> Result<Option<Message<'a>>, Error> {
        Ok(Some(match self.kind {
            None => return Err(missing("type")),
            Some(1) => self.into_invocation(false)?,
            Some(2) => Message::StreamItem {
                id: required_id(self.id)?,
                item: self.item.ok_or_else(|| missing("item"))?,
                headers: self.headers,
            },
            Some(3) => Message::Completion {
                id: required_id(self.id)?,
                outcome: match (self.error, self.result) {
                    (Some(_), Some(_)) => {
                        return Err(Error::protocol(
                            "The 'error' and 'result' properties are mutually exclusive.",
                        ));
                    }
                    (Some(error), None) => Outcome::Error(error),
                    (None, Some(result)) => Outcome::Result(result),
                    (None, None) => Outcome::Void,
                },
                headers: self.headers,
            },
            Some(4) => self.into_invocation(true)?,
            Some(5) => Message::CancelInvocation {
                id: required_id(self.id)?,
                headers: self.headers,
            },
            Some(6) => Message::Ping,
            Some(7) => Message::Close {
                error: self.error,
                allow_reconnect: self.allow_reconnect,
            },
            Some(kind @ (8 | 9)) => {
                let sequence_id = self.sequence_id.ok_or_else(|| missing("sequenceId"))?;
                if kind == 8 {
                    Message::Ack { sequence_id }
                } else {
                    Message::Sequence { sequence_id }
                }
            }
            Some(_) => return Ok(None),
        }))
    }

    /// The order of these checks is the specification's.
    fn into_invocation(self, streaming: bool) -> Result<Message<'a>, Error> {
        let target = self.target.ok_or_else(|| missing("target"))?;
        let id = self.id.filter(|id| !id.is_empty());
        if streaming && id.is_none() {
            return Err(missing("invocationId"));
        }
        let arguments = self.arguments.ok_or_else(|| missing("arguments"))?;
        if target.is_empty() {
            return Err(missing("target"));
        }
        Ok(Message::Invocation(Invocation {
            streaming,
            headers: self.headers,
            id,
            target,
            arguments,
            stream_ids: self.stream_ids,
        }))
    }
}

fn required_id(id: Option<Text<'_>>) -> Result<Text<'_>, Error> {
    id.filter(|id| !id.is_empty())
        .ok_or_else(|| missing("invocationId"))
}

fn unreadable() -> Error {
    Error::protocol("Error reading JSON.")
}

fn missing(name: &str) -> Error {
    Error::protocol(format!("Missing required property '{name}'."))
}

fn expected(name: &str, what: &str) -> Error {
    Error::protocol(format!("Expected '{name}' to be of type {what}."))
}

fn number<T: std::str::FromStr>(name: &str, json: &str) -> Result<T, Error> {
    json.parse().map_err(|_| expected(name, "Number"))
}

fn boolean(json: &str) -> Result<bool, Error> {
    json.parse()
        .map_err(|_| Error::protocol("Expected 'allowReconnect' to be true or false."))
}

fn array<'a>(name: &str, json: &'a str) -> Result<Payload<'a>, Error> {
    if json.starts_with('[') {
        Ok(Payload::Json(json))
    } else {
        Err(expected(name, "Array"))
    }
}

fn string<'a>(name: &str, json: &'a str) -> Result<Text<'a>, Error> {
    unquote(json)?.ok_or_else(|| expected(name, "String"))
}

/// The text of a JSON string, borrowed unless it has escapes; `None` if it is another kind of value.
fn unquote(json: &str) -> Result<Option<Text<'_>>, Error> {
    let Some(inner) = json
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
    else {
        return Ok(None);
    };
    Ok(Some(if memchr::memchr(b'\\', inner.as_bytes()).is_none() {
        Cow::Borrowed(inner)
    } else {
        Cow::Owned(serde_json::from_str(json).map_err(|_| unreadable())?)
    }))
}

fn stream_ids(json: &str) -> Result<Vec<Text<'_>>, Error> {
    array("streamIds", json)?;
    let ids: Vec<&RawValue> = serde_json::from_str(json).map_err(|_| unreadable())?;
    ids.into_iter()
        .map(|id| match id.get() {
            "null" => Err(Error::protocol("Null value for 'streamIds' is not valid.")),
            id => string("streamIds", id),
        })
        .collect()
}

fn headers(json: &str) -> Result<Headers<'_>, Error> {
    if !json.starts_with('{') {
        return Err(expected("headers", "StartObject"));
    }
    let mut error = None;
    serde_json::Deserializer::from_str(json)
        .deserialize_map(HeadersVisitor { error: &mut error })
        .map_err(|_| error.unwrap_or_else(unreadable))
}

/// Whether brackets nest deeper than allowed. Most frames hold fewer brackets than that and are not scanned a second time.
fn is_too_deep(frame: &[u8]) -> bool {
    let is_open = |byte: &&u8| matches!(byte, b'[' | b'{');
    if frame.iter().filter(is_open).count() <= MAX_DEPTH {
        return false;
    }
    let (mut depth, mut in_string, mut escaped) = (0usize, false, false);
    for byte in frame {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => depth += 1,
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_DEPTH {
            return true;
        }
    }
    false
}

/// Reads the top-level object; refuses everything else by name.
struct ObjectVisitor<'e> {
    error: &'e mut Option<Error>,
}

impl ObjectVisitor<'_> {
    fn refuse<T, E: serde::de::Error>(self, token: &str) -> Result<T, E> {
        *self.error = Some(Error::protocol(format!(
            "Unexpected JSON Token Type '{token}'. Expected a JSON Object."
        )));
        Err(E::custom(""))
    }
}

impl<'de> Visitor<'de> for ObjectVisitor<'_> {
    type Value = Fields<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a hub message")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
        let mut fields = Fields::default();
        while let Some(name) = map.next_key_seed(TextSeed)? {
            let raw = map.next_value::<&RawValue>()?;
            if let Err(error) = fields.set(&name, raw) {
                *self.error = Some(error);
                return Err(A::Error::custom(""));
            }
        }
        Ok(fields)
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Self::Value, E> {
        self.refuse("Null")
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<Self::Value, E> {
        self.refuse(if value { "True" } else { "False" })
    }

    fn visit_i64<E: serde::de::Error>(self, _: i64) -> Result<Self::Value, E> {
        self.refuse("Number")
    }

    fn visit_u64<E: serde::de::Error>(self, _: u64) -> Result<Self::Value, E> {
        self.refuse("Number")
    }

    fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<Self::Value, E> {
        self.refuse("Number")
    }

    fn visit_str<E: serde::de::Error>(self, _: &str) -> Result<Self::Value, E> {
        self.refuse("String")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<Self::Value, A::Error> {
        self.refuse("Array")
    }
}

struct HeadersVisitor<'e> {
    error: &'e mut Option<Error>,
}

impl<'de> Visitor<'de> for HeadersVisitor<'_> {
    type Value = Headers<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("message headers")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Headers<'de>, A::Error> {
        let mut headers = Headers::default();
        while let Some(key) = map.next_key_seed(TextSeed)? {
            let value = unquote(map.next_value::<&RawValue>()?.get());
            let result = value.and_then(|value| match value {
                Some(value) => headers.set(key, value),
                None => Err(Error::protocol(format!(
                    "Expected header '{key}' to be of type String."
                ))),
            });
            if let Err(error) = result {
                *self.error = Some(error);
                return Err(A::Error::custom(""));
            }
        }
        Ok(headers)
    }
}

/// A property name, borrowed unless it has escapes (HP-17).
pub(in crate::protocol) struct TextSeed;

impl<'de> DeserializeSeed<'de> for TextSeed {
    type Value = Text<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Text<'de>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for TextSeed {
    type Value = Text<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a property name")
    }

    fn visit_borrowed_str<E: serde::de::Error>(self, text: &'de str) -> Result<Text<'de>, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Text<'de>, E> {
        Ok(Cow::Owned(text.to_owned()))
    }
}
