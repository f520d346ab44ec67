//! User values on their way in and out: bound one after another, straight into the user's types.

use serde::{Serialize, de::DeserializeOwned};

use super::{HubProtocol, Payload, json};
use crate::error::Error;

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
    fn read(source: &mut Source<'_>) -> Result<Self, serde_json::Error>;
}

#[diagnostic::do_not_recommend]
impl<T: DeserializeOwned + Send> HubArg for T {
    fn read(source: &mut Source<'_>) -> Result<Self, serde_json::Error> {
        source.next()
    }
}

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
        match (*self, writer.protocol) {
            (Payload::Json(text), HubProtocol::Json) => {
                writer.out.extend_from_slice(text.as_bytes());
            }
        }
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
        match self.protocol {
            HubProtocol::Json => json::write::value(self.out, value),
        }
    }

    /// Goes before each argument of a list.
    pub(crate) fn separator(&mut self, first: bool) {
        match self.protocol {
            HubProtocol::Json if !first => self.out.push(b','),
            HubProtocol::Json => {}
        }
    }
}

/// Values that follow one another in a frame.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// What has not been read yet of a list, from behind its opening bracket or the last value.
    rest: &'a str,
}

impl<'a> Source<'a> {
    /// A single value.
    pub(crate) fn single(payload: Payload<'a>) -> Self {
        let Payload::Json(rest) = payload;
        Self { rest }
    }

    /// The elements of an array.
    pub(crate) fn list(payload: Payload<'a>) -> Self {
        let Payload::Json(text) = payload;
        Self {
            rest: text.trim_start().strip_prefix('[').unwrap_or_default(),
        }
    }

    pub(crate) fn next<T: DeserializeOwned>(&mut self) -> Result<T, serde_json::Error> {
        let mut values = serde_json::Deserializer::from_str(self.rest).into_iter::<T>();
        let value = values
            .next()
            .unwrap_or_else(|| Err(serde::de::Error::custom("no value")))?;
        self.rest = &self.rest[values.byte_offset()..];
        Ok(value)
    }

    /// Steps over what separates elements; whether another one follows.
    pub(crate) fn more(&mut self) -> bool {
        let rest = self.rest.trim_start();
        self.rest = rest.strip_prefix(',').unwrap_or(rest);
        !self.rest.is_empty() && !self.rest.starts_with(']')
    }
}
