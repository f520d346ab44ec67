//! The hub protocol: bytes in, messages out. No clock, no socket, no lock.
//!
//! Sections cited in comments are those of the hub protocol specification that the conformance list in `tests/` counts.

mod arguments;
mod blob;
mod calendar;
mod dotnet;
pub(crate) mod framing;
pub(crate) mod handshake;
mod json;
mod message;
#[cfg(feature = "msgpack")]
mod msgpack;
#[cfg(test)]
mod rewrite;
mod timestamp;
mod values;

pub use arguments::Arguments;
pub use blob::Blob;
pub use dotnet::{Underived, Variant, read_variant, write_variant};
#[cfg(feature = "__test")]
pub(crate) use json::check_readers as check_json_readers;
pub(crate) use message::{Headers, Invocation, Message, Outcome, OwnedPayload, Payload, Text};
pub use timestamp::{OffsetTimestamp, Timestamp, TimestampError};
pub use values::{CallResult, HubArg, HubResult, Source, ValueWriter};

use crate::error::Error;

/// An encoding of hub messages.
///
/// # Example
///
/// ```
/// assert_eq!(signalr::HubProtocol::Json.name(), "json");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HubProtocol {
    /// Text, each message ended by `0x1E`. Protocol name `json`.
    Json,
    /// Binary, each message behind its length. Protocol name `messagepack`. Needs the feature `msgpack`, which is on by default.
    #[cfg(feature = "msgpack")]
    MessagePack,
}

impl HubProtocol {
    /// All protocols that this build speaks.
    pub(crate) const ALL: &[Self] = &[
        Self::Json,
        #[cfg(feature = "msgpack")]
        Self::MessagePack,
    ];

    /// The name that the handshake uses.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            #[cfg(feature = "msgpack")]
            Self::MessagePack => "messagepack",
        }
    }

    /// Whether its messages need a transport that carries binary data.
    pub(crate) fn is_binary(self) -> bool {
        match self {
            Self::Json => false,
            #[cfg(feature = "msgpack")]
            Self::MessagePack => true,
        }
    }

    /// A list of it alone.
    pub(crate) fn only(self) -> &'static [Self] {
        &Self::ALL[self.index()..=self.index()]
    }

    /// Its place in [`ALL`](Self::ALL).
    pub(crate) fn index(self) -> usize {
        self as usize
    }

    /// The protocol of a name as the handshake spells it: letter case does not matter (HP-4).
    pub(crate) fn find(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|protocol| protocol.name().eq_ignore_ascii_case(name))
    }

    /// Reads one whole frame. `None` is a message of an unknown type, to be ignored.
    pub(crate) fn decode(self, frame: &[u8]) -> Result<Option<Message<'_>>, Error> {
        match self {
            Self::Json => json::read::message(frame),
            #[cfg(feature = "msgpack")]
            Self::MessagePack => msgpack::read::message(frame),
        }
    }

    /// Appends an invocation; nothing is appended when an argument cannot be serialized.
    pub(crate) fn write_invocation<A: Arguments + ?Sized>(
        self,
        out: &mut Vec<u8>,
        head: &InvocationHead<'_>,
        arguments: &A,
    ) -> Result<(), Error> {
        self.whole(out, |out| match self {
            Self::Json => json::write::invocation(out, head, arguments),
            #[cfg(feature = "msgpack")]
            Self::MessagePack => msgpack::write::invocation(out, head, arguments),
        })
    }

    /// What stands in front of each item of one stream.
    pub(crate) fn item_head(self, headers: &Headers<'_>, id: &str) -> ItemHead {
        let mut head = Vec::with_capacity(64);
        match self {
            Self::Json => json::write::item_head(&mut head, headers, id),
            #[cfg(feature = "msgpack")]
            Self::MessagePack => msgpack::write::item_head(&mut head, headers, id),
        }
        ItemHead {
            protocol: self,
            head: head.into(),
        }
    }

    /// Appends a completion; nothing when its result cannot be serialized.
    pub(crate) fn write_completion<T: HubResult + ?Sized>(
        self,
        out: &mut Vec<u8>,
        headers: &Headers<'_>,
        id: &str,
        outcome: Outcome<'_, &T>,
    ) -> Result<(), Error> {
        self.whole(out, |out| match self {
            Self::Json => json::write::completion(out, headers, id, outcome),
            #[cfg(feature = "msgpack")]
            Self::MessagePack => msgpack::write::completion(out, headers, id, outcome),
        })
    }

    /// Appends a message that holds no user value: cancel, ping, close, ack, sequence.
    pub(crate) fn write_control(self, out: &mut Vec<u8>, control: &Control<'_>) {
        match self {
            Self::Json => json::write::control(out, control),
            #[cfg(feature = "msgpack")]
            Self::MessagePack => msgpack::write::control(out, control),
        }
    }

    /// A null, as if it had been read.
    pub(crate) fn null(self) -> Payload<'static> {
        match self {
            Self::Json => Payload::Json("null"),
            #[cfg(feature = "msgpack")]
            Self::MessagePack => Payload::MessagePack(&[0xc0]),
        }
    }

    /// Half a message must never reach a peer: what a failed `write` left behind is taken back (SV-97).
    fn whole(
        self,
        out: &mut Vec<u8>,
        write: impl FnOnce(&mut Vec<u8>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let start = out.len();
        write(out).inspect_err(|_| out.truncate(start))
    }
}

/// Whether a serializer or deserializer with this error is of MessagePack.
///
/// Some types look different in the two encodings, and serde gives no other hint: both must be human readable, since .NET expects
/// ids and dates as texts in both.
pub fn is_messagepack<E>() -> bool {
    #[cfg(feature = "msgpack")]
    {
        let name = std::any::type_name::<E>();
        name == std::any::type_name::<rmp_serde::encode::Error>()
            || name == std::any::type_name::<rmp_serde::decode::Error>()
    }
    #[cfg(not(feature = "msgpack"))]
    false
}

/// The beginning of a stream's items, encoded once for all of them.
#[derive(Clone, Debug)]
pub(crate) struct ItemHead {
    protocol: HubProtocol,
    head: Box<[u8]>,
}

impl ItemHead {
    pub(crate) fn protocol(&self) -> HubProtocol {
        self.protocol
    }

    /// Appends a stream item; nothing when it cannot be serialized.
    pub(crate) fn write<T: HubResult + ?Sized>(
        &self,
        out: &mut Vec<u8>,
        item: &T,
    ) -> Result<(), Error> {
        self.protocol.whole(out, |out| match self.protocol {
            HubProtocol::Json => json::write::stream_item(out, &self.head, item),
            #[cfg(feature = "msgpack")]
            HubProtocol::MessagePack => msgpack::write::stream_item(out, &self.head, item),
        })
    }
}

/// Everything of an invocation but its arguments.
#[derive(Clone, Debug, Default)]
pub(crate) struct InvocationHead<'a> {
    pub(crate) streaming: bool,
    pub(crate) headers: Headers<'a>,
    pub(crate) id: Option<&'a str>,
    pub(crate) target: &'a str,
    /// `None`: the property is not written. An empty list is written as such.
    pub(crate) stream_ids: Option<&'a [Text<'a>]>,
}

/// A message without user values, for writing.
#[derive(Clone, Debug)]
pub(crate) enum Control<'a> {
    CancelInvocation {
        headers: Headers<'a>,
        id: &'a str,
    },
    Ping,
    Close {
        error: Option<&'a str>,
        allow_reconnect: bool,
    },
    Ack {
        sequence_id: i64,
    },
    Sequence {
        sequence_id: i64,
    },
}
