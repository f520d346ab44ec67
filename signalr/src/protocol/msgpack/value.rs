//! User values: structs as maps, and everything in its readable form, as .NET expects it (section 6.4).

use rmp::Marker;
use rmp_serde::{Deserializer, Serializer, decode, encode};
use serde::{Serialize, de::DeserializeOwned};

/// Nesting that values may have. .NET allows 500; as there, the limit keeps a hostile value from using up the stack.
const MAX_DEPTH: usize = 128;

/// Appends a value.
pub(in crate::protocol) fn write<T: Serialize + ?Sized>(
    out: &mut Vec<u8>,
    value: &T,
) -> Result<(), encode::Error> {
    let mut serializer = Serializer::new(out).with_struct_map().with_human_readable();
    value.serialize(&mut serializer)
}

/// Reads a whole value: one that [`split`] has found. Types reserve memory for as many elements as a list claims, on every level, so
/// the elements must be there.
pub(in crate::protocol) fn read<T: DeserializeOwned>(from: &[u8]) -> Result<T, decode::Error> {
    let mut deserializer = Deserializer::from_read_ref(from).with_human_readable();
    deserializer.set_max_depth(MAX_DEPTH);
    T::deserialize(&mut deserializer)
}

/// Splits the value at the front off; `None` if it is malformed or cut off.
///
/// Not recursive, and no length is believed before its bytes are there. (rmp's `MessageLen` panics at extension types.)
pub(in crate::protocol) fn split(from: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut rest = from;
    // A claimed length is below 2^32 and each value takes a byte, so this cannot overflow.
    let mut values: u64 = 1;
    while values > 0 {
        values -= 1;
        let (bytes, inner) = head(&mut rest)?;
        rest = rest.get(usize::try_from(bytes).ok()?..)?;
        values += inner;
    }
    Some(from.split_at(from.len() - rest.len()))
}

/// Takes the marker and the length of a value: how many bytes and how many values are still its own.
fn head(rest: &mut &[u8]) -> Option<(u64, u64)> {
    let marker = rmp::decode::read_marker(rest).ok()?;
    let mut length = |width: usize| {
        let (digits, behind) = rest.split_at_checked(width)?;
        *rest = behind;
        let digits = digits.iter();
        Some(digits.fold(0, |length, digit| length << 8 | u64::from(*digit)))
    };
    Some(match marker {
        Marker::Null | Marker::True | Marker::False | Marker::FixPos(_) | Marker::FixNeg(_) => {
            (0, 0)
        }
        Marker::U8 | Marker::I8 => (1, 0),
        // The type of an extension is one byte more.
        Marker::U16 | Marker::I16 | Marker::FixExt1 => (2, 0),
        Marker::U32 | Marker::I32 | Marker::F32 => (4, 0),
        Marker::U64 | Marker::I64 | Marker::F64 => (8, 0),
        Marker::FixStr(length) => (length.into(), 0),
        Marker::Str8 | Marker::Bin8 => (length(1)?, 0),
        Marker::Str16 | Marker::Bin16 => (length(2)?, 0),
        Marker::Str32 | Marker::Bin32 => (length(4)?, 0),
        Marker::FixExt2 => (3, 0),
        Marker::FixExt4 => (5, 0),
        Marker::FixExt8 => (9, 0),
        Marker::FixExt16 => (17, 0),
        Marker::Ext8 => (length(1)? + 1, 0),
        Marker::Ext16 => (length(2)? + 1, 0),
        Marker::Ext32 => (length(4)? + 1, 0),
        Marker::FixArray(length) => (0, length.into()),
        Marker::Array16 => (0, length(2)?),
        Marker::Array32 => (0, length(4)?),
        Marker::FixMap(length) => (0, 2 * u64::from(length)),
        Marker::Map16 => (0, 2 * length(2)?),
        Marker::Map32 => (0, 2 * length(4)?),
        Marker::Reserved => return None,
    })
}
