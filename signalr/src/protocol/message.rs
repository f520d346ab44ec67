//! The nine message types as values that borrow from the frame they were read from.

use std::borrow::Cow;

use crate::error::Error;

/// Text of a message: borrowed where the frame holds it without escapes.
pub(crate) type Text<'a> = Cow<'a, str>;

/// Message headers, in the order in which they were read or will be written; mostly empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Headers<'a>(pub(crate) Vec<(Text<'a>, Text<'a>)>);

impl<'a> Headers<'a> {
    /// More than anybody sends; keeps the search for repeated keys short.
    const MAX: usize = 100;

    /// Adds a header; a repeated key keeps its place and takes the last value, as in JSON (HP-70).
    pub(crate) fn set(&mut self, key: Text<'a>, value: Text<'a>) -> Result<(), Error> {
        match self.find(&key) {
            Some(old) => *old = value,
            None => self.push(key, value)?,
        }
        Ok(())
    }

    /// Adds a header; a repeated key is an error, as in MessagePack (HP-70).
    #[cfg(feature = "msgpack")]
    pub(crate) fn add(&mut self, key: Text<'a>, value: Text<'a>) -> Result<(), Error> {
        match self.find(&key) {
            Some(_) => Err(Error::protocol("Repeated key in header.")),
            None => self.push(key, value),
        }
    }

    fn find(&mut self, key: &str) -> Option<&mut Text<'a>> {
        let known = self.0.iter_mut().find(|(known, _)| known == key);
        known.map(|(_, value)| value)
    }

    fn push(&mut self, key: Text<'a>, value: Text<'a>) -> Result<(), Error> {
        if self.0.len() == Self::MAX {
            return Err(Error::protocol("More than 100 headers are not supported."));
        }
        self.0.push((key, value));
        Ok(())
    }
}

/// A user value that has not been decoded yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Payload<'a> {
    /// A JSON text that is known to be well formed.
    Json(&'a str),
    /// What stands in the frame from the value on: nothing is known of it yet, and something may follow it.
    #[cfg(feature = "msgpack")]
    MessagePack(&'a [u8]),
}

impl Payload<'_> {
    /// A copy that outlives the frame.
    pub(crate) fn to_owned(self) -> OwnedPayload {
        match self {
            Self::Json(text) => OwnedPayload::Json(text.into()),
            #[cfg(feature = "msgpack")]
            Self::MessagePack(bytes) => OwnedPayload::MessagePack(bytes.into()),
        }
    }
}

/// A [`Payload`] of its own.
#[derive(Debug)]
pub(crate) enum OwnedPayload {
    Json(Box<str>),
    #[cfg(feature = "msgpack")]
    MessagePack(Box<[u8]>),
}

impl OwnedPayload {
    pub(crate) fn as_payload(&self) -> Payload<'_> {
        match self {
            Self::Json(text) => Payload::Json(text),
            #[cfg(feature = "msgpack")]
            Self::MessagePack(bytes) => Payload::MessagePack(bytes),
        }
    }
}

/// How a call or a stream ended (section 4.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome<'a, T = Payload<'a>> {
    Void,
    Result(T),
    Error(Text<'a>),
}

/// Invocation (1) and StreamInvocation (4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Invocation<'a> {
    pub(crate) streaming: bool,
    pub(crate) headers: Headers<'a>,
    /// `None`: the caller wants no answer of any kind.
    pub(crate) id: Option<Text<'a>>,
    pub(crate) target: Text<'a>,
    pub(crate) arguments: Payload<'a>,
    pub(crate) stream_ids: Vec<Text<'a>>,
}

/// One hub message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Message<'a> {
    Invocation(Invocation<'a>),
    StreamItem {
        headers: Headers<'a>,
        id: Text<'a>,
        item: Payload<'a>,
    },
    Completion {
        headers: Headers<'a>,
        id: Text<'a>,
        outcome: Outcome<'a>,
    },
    CancelInvocation {
        headers: Headers<'a>,
        id: Text<'a>,
    },
    Ping,
    Close {
        error: Option<Text<'a>>,
        allow_reconnect: bool,
    },
    Ack {
        sequence_id: i64,
    },
    Sequence {
        sequence_id: i64,
    },
}
