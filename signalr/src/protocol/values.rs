//! User values on their way in and out: bound one after another, straight into the user's types.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

#[cfg(feature = "msgpack")]
use super::msgpack;
use super::{HubProtocol, Payload, json};
use crate::error::{Error, Kind};

/// Why a value cannot be read or written, in the words of its encoding.
pub(crate) type ValueError = Box<dyn std::error::Error + Send + Sync>;

/// A type that a client can send: anything that implements `serde::Deserialize` without borrowing.
///
/// Implemented for all such types; there is nothing to do for a type with `#[derive(serde::Deserialize)]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be read as a hub argument",
    label = "not an argument type",
    note = "hub arguments come from the client and must implement `serde::Deserialize`",
    note = "take the context by reference (`cx: &Context<Self>`), and an upload as `Receiver<T>`"
)]
pub trait HubArg: Sized + Send {
    #[doc(hidden)]
    fn read(source: &mut Source<'_>) -> Result<Self, ValueError>;
}

#[diagnostic::do_not_recommend]
impl<T: for<'de> OwnedNotBorrowed<'de> + Send> HubArg for T {
    fn read(source: &mut Source<'_>) -> Result<Self, ValueError> {
        source.next()
    }
}

/// `serde::de::DeserializeOwned` in words: where a `&str` is to be read the compiler says no more than that an implementation of
/// this is not general enough.
#[doc(hidden)]
#[expect(unnameable_types, reason = "its name is for the compiler's messages")]
pub trait OwnedNotBorrowed<'de>: Deserialize<'de> {}

#[diagnostic::do_not_recommend]
impl<'de, T: Deserialize<'de>> OwnedNotBorrowed<'de> for T {}

/// A type that the result of a call, or an item of its stream, can be read as: anything that implements `serde::Deserialize` without
/// borrowing, and `Send`.
///
/// Implemented for all such types; there is nothing to do for a type with `#[derive(serde::Deserialize)]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be read as the result of a call",
    label = "the answer would be read as a `{Self}`",
    note = "results come from the other side, and must implement `serde::Deserialize` without borrowing, and `Send`: put `#[derive(serde::Deserialize)]` on a type of yours",
    note = "where a call stands alone nothing says what its result is: name the type, as in `invoke::<u32>(…)`; `invoke::<()>(…)` is for methods without result"
)]
pub trait CallResult: HubArg + 'static {}

#[diagnostic::do_not_recommend]
impl<T: HubArg + 'static> CallResult for T {}

/// A type that a server can send: anything that implements `serde::Serialize`.
///
/// Implemented for all such types; there is nothing to do for a type with `#[derive(serde::Serialize)]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be returned from a hub method",
    label = "not a result type",
    note = "results are sent to the client and must implement `serde::Serialize`",
    note = "a streaming method must name its return type `impl Stream<Item = T>` or `Result<impl Stream<Item = T>, E>`"
)]
pub trait HubResult {
    #[doc(hidden)]
    fn write(&self, writer: &mut ValueWriter<'_>) -> Result<(), Error>;
}

#[diagnostic::do_not_recommend]
impl<T: Serialize + ?Sized> HubResult for T {
    fn write(&self, writer: &mut ValueWriter<'_>) -> Result<(), Error> {
        writer.value(self)
    }
}

/// Values that were read before, written again as they are.
#[cfg(test)]
impl HubResult for Payload<'_> {
    fn write(&self, writer: &mut ValueWriter<'_>) -> Result<(), Error> {
        let raw = match *self {
            Payload::Json(text) => text.as_bytes(),
            #[cfg(feature = "msgpack")]
            Payload::MessagePack(from) => {
                let (value, _) = msgpack::value::split(from).expect("a whole value");
                value
            }
        };
        writer.out.extend_from_slice(raw);
        Ok(())
    }
}

/// Where a value is written to, in which encoding.
#[doc(hidden)]
#[derive(Debug)]
pub struct ValueWriter<'a> {
    protocol: HubProtocol,
    out: &'a mut Vec<u8>,
}

impl<'a> ValueWriter<'a> {
    pub(crate) fn new(protocol: HubProtocol, out: &'a mut Vec<u8>) -> Self {
        Self { protocol, out }
    }

    pub(crate) fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        let written = match self.protocol {
            HubProtocol::Json => json::write::value(self.out, value).map_err(ValueError::from),
            #[cfg(feature = "msgpack")]
            HubProtocol::MessagePack => msgpack::value::write(self.out, value).map_err(Into::into),
        };
        written.map_err(|source| {
            let what = crate::hub_error::short_type_name::<T>();
            Kind::Encode { what, source }.into()
        })
    }

    /// Goes before a list.
    #[cfg_attr(not(feature = "msgpack"), expect(unused_variables))]
    pub(crate) fn open_list(&mut self, length: usize) {
        match self.protocol {
            HubProtocol::Json => self.out.push(b'['),
            #[cfg(feature = "msgpack")]
            HubProtocol::MessagePack => msgpack::write::array(self.out, length),
        }
    }

    /// Goes before each element of a list.
    pub(crate) fn separator(&mut self, first: bool) {
        if self.protocol == HubProtocol::Json && !first {
            self.out.push(b',');
        }
    }

    /// Goes behind a list.
    pub(crate) fn close_list(&mut self) {
        if self.protocol == HubProtocol::Json {
            self.out.push(b']');
        }
    }
}

/// Values that follow one another in a frame.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct Source<'a>(Rest<'a>);

/// What has not been read yet.
#[derive(Clone, Copy, Debug)]
enum Rest<'a> {
    /// From behind the opening bracket of a list or the last value.
    Json(&'a str),
    /// From the next value on; as many as `left` follow.
    #[cfg(feature = "msgpack")]
    MessagePack { rest: &'a [u8], left: u32 },
}

/// A list of values that is none.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NotAList;

impl<'a> Source<'a> {
    /// A single value.
    pub(crate) fn single(payload: Payload<'a>) -> Self {
        Self(match payload {
            Payload::Json(text) => Rest::Json(text),
            #[cfg(feature = "msgpack")]
            Payload::MessagePack(rest) => Rest::MessagePack { rest, left: 1 },
        })
    }

    /// The elements of a list, and how many there are where the list says so.
    ///
    /// # Errors
    /// It is no list. In JSON the message would have been refused.
    pub(crate) fn list(payload: Payload<'a>) -> Result<(Self, Option<usize>), NotAList> {
        match payload {
            Payload::Json(text) => {
                let inner = text.trim_ascii_start().strip_prefix('[').ok_or(NotAList)?;
                Ok((Self(Rest::Json(inner)), None))
            }
            #[cfg(feature = "msgpack")]
            Payload::MessagePack(mut rest) => {
                let left = rmp::decode::read_array_len(&mut rest).map_err(|_| NotAList)?;
                let length = usize::try_from(left).map_err(|_| NotAList)?;
                Ok((Self(Rest::MessagePack { rest, left }), Some(length)))
            }
        }
    }

    pub(crate) fn next<T: DeserializeOwned>(&mut self) -> Result<T, ValueError> {
        match &mut self.0 {
            Rest::Json(rest) => {
                let mut values = serde_json::Deserializer::from_str(rest).into_iter::<T>();
                let value = values.next().ok_or("no value")??;
                *rest = &rest[values.byte_offset()..];
                Ok(value)
            }
            #[cfg(feature = "msgpack")]
            Rest::MessagePack { rest, left } => {
                *left = left.saturating_sub(1);
                let (value, behind) = msgpack::value::split(rest).ok_or("malformed")?;
                *rest = behind;
                Ok(msgpack::value::read(value)?)
            }
        }
    }

    /// Steps over what separates elements; whether another one follows.
    pub(crate) fn more(&mut self) -> bool {
        match &mut self.0 {
            Rest::Json(rest) => {
                let trimmed = rest.trim_ascii_start();
                *rest = trimmed.strip_prefix(',').unwrap_or(trimmed);
                !rest.is_empty() && !rest.starts_with(']')
            }
            #[cfg(feature = "msgpack")]
            Rest::MessagePack { left, .. } => *left > 0,
        }
    }
}
