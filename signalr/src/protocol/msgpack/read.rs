//! Reading by position, with the error texts of section 6.3. No length that a peer claims is ever reserved.

use std::borrow::Cow;

use rmp::decode;

use super::value;
use crate::{
    error::Error,
    protocol::{Headers, Invocation, Message, Outcome, Payload, Text},
};

/// Reads one message from a frame without its length; `None` for an unknown type.
pub(in crate::protocol) fn message(frame: &[u8]) -> Result<Option<Message<'_>>, Error> {
    let mut reader = Reader { rest: frame };
    let items = decode::read_array_len(&mut reader.rest)
        .map_err(|_| Error::protocol("Error reading MessagePack."))?;
    let kind: i32 = reader.integer("messageType", "Int32")?;
    Ok(Some(match kind {
        1 => reader.invocation(false, items)?,
        2 => {
            let headers = reader.headers()?;
            Message::StreamItem {
                headers,
                id: reader.id("StreamItem")?,
                item: Payload::MessagePack(reader.rest),
            }
        }
        3 => reader.completion()?,
        4 => reader.invocation(true, items)?,
        5 => {
            let headers = reader.headers()?;
            Message::CancelInvocation {
                headers,
                id: reader.id("CancelInvocation")?,
            }
        }
        6 => Message::Ping,
        7 => Message::Close {
            error: reader.text("error")?,
            allow_reconnect: items > 2 && reader.boolean("allowReconnect")?,
        },
        8 => Message::Ack {
            sequence_id: reader.integer("sequenceId", "Int64")?,
        },
        9 => Message::Sequence {
            sequence_id: reader.integer("sequenceId", "Int64")?,
        },
        _ => return Ok(None),
    }))
}

/// What has not been read yet of a frame.
struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn invocation(&mut self, streaming: bool, items: u32) -> Result<Message<'a>, Error> {
        let kind = if streaming {
            "StreamInvocation"
        } else {
            "Invocation"
        };
        let headers = self.headers()?;
        let id = if streaming {
            Some(self.id(kind)?)
        } else {
            self.text("invocationId")?.filter(|id| !id.is_empty())
        };
        let target = self.text("target")?.filter(|target| !target.is_empty());
        let target = target
            .ok_or_else(|| Error::protocol(format!("Null or empty target for {kind} message.")))?;
        let arguments = Payload::MessagePack(self.rest);
        // Behind arguments that are no list, or cut off, nothing can be read; the call fails when they are bound.
        let stream_ids = if items > 5 && self.skip_list() {
            self.stream_ids()?
        } else {
            Vec::new()
        };
        Ok(Message::Invocation(Invocation {
            streaming,
            headers,
            id,
            target,
            arguments,
            stream_ids,
        }))
    }

    fn completion(&mut self) -> Result<Message<'a>, Error> {
        let headers = self.headers()?;
        let id = self.id("Completion")?;
        let kind: i32 = self.integer("resultKind", "Int32")?;
        let outcome = match kind {
            1 => self.text("error")?.map_or(Outcome::Void, Outcome::Error),
            2 => Outcome::Void,
            3 => Outcome::Result(Payload::MessagePack(self.rest)),
            _ => return Err(Error::protocol("Invalid invocation result kind.")),
        };
        Ok(Message::Completion {
            headers,
            id,
            outcome,
        })
    }

    fn headers(&mut self) -> Result<Headers<'a>, Error> {
        let length = decode::read_map_len(&mut self.rest)
            .map_err(|_| Error::protocol("Reading map length for 'headers' failed."))?;
        let mut headers = Headers::default();
        for index in 0..length {
            let mut part = |part: &str, empty: &'static str| {
                self.text(&format!("headers[{index}].{part}"))?
                    .filter(|text| !text.is_empty())
                    .ok_or_else(|| Error::protocol(empty))
            };
            let key = part("Key", "Null or empty key in header.")?;
            let value = part("Value", "Null or empty value in header.")?;
            headers.add(key, value)?;
        }
        Ok(headers)
    }

    fn stream_ids(&mut self) -> Result<Vec<Text<'a>>, Error> {
        let length = decode::read_array_len(&mut self.rest)
            .map_err(|_| Error::protocol("Reading array length for 'streamIds' failed."))?;
        let mut ids = Vec::new();
        for _ in 0..length {
            let id = self.text("streamIds")?.filter(|id| !id.is_empty());
            ids.push(
                id.ok_or_else(|| Error::protocol("Null or empty value in streamIds received."))?,
            );
        }
        Ok(ids)
    }

    fn id(&mut self, message: &str) -> Result<Text<'a>, Error> {
        let id = self.text("invocationId")?.filter(|id| !id.is_empty());
        id.ok_or_else(|| {
            Error::protocol(format!(
                "Null or empty invocation ID for {message} message."
            ))
        })
    }

    /// A string, or `None` for nil.
    fn text(&mut self, name: &str) -> Result<Option<Text<'a>>, Error> {
        if let [0xc0, rest @ ..] = self.rest {
            self.rest = rest;
            return Ok(None);
        }
        let (text, rest) =
            decode::read_str_from_slice(self.rest).map_err(|_| unfit(name, "String"))?;
        self.rest = rest;
        Ok(Some(Cow::Borrowed(text)))
    }

    fn integer<T: num_traits::FromPrimitive>(
        &mut self,
        name: &str,
        what: &str,
    ) -> Result<T, Error> {
        decode::read_int(&mut self.rest).map_err(|_| unfit(name, what))
    }

    fn boolean(&mut self, name: &str) -> Result<bool, Error> {
        decode::read_bool(&mut self.rest).map_err(|_| unfit(name, "Boolean"))
    }

    /// Steps over a whole list; `false` if there is none.
    fn skip_list(&mut self) -> bool {
        let is_list = matches!(self.rest, [0x90..=0x9f | 0xdc | 0xdd, ..]);
        match value::split(self.rest) {
            Some((_, rest)) if is_list => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }
}

fn unfit(name: &str, what: &str) -> Error {
    Error::protocol(format!("Reading '{name}' as {what} failed."))
}
