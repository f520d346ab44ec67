//! Moments as .NET's date-times travel: extension −1 in MessagePack, RFC 3339 in JSON (sections 5.4 and 6.4).

use std::{
    fmt,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error as _, IgnoredAny, SeqAccess, Visitor},
    ser::SerializeTuple,
};

use super::{calendar, is_messagepack};

const NANOS: u32 = 1_000_000_000;

/// A moment in UTC in arguments, results and items: .NET's `DateTime`, JavaScript's `Date`.
///
/// In MessagePack it travels as the timestamp extension −1, in JSON as `2018-01-01T11:24:00.5Z`. An offset in JSON is taken into
/// account; a text without one is taken as UTC. The years are 1 to 9999, as in .NET, whose precision is 100 ns.
///
/// Date-times of `chrono`, `time` and `jiff` can be used as they are where peers send texts. A `Date` of JavaScript or a `DateTime`
/// of .NET in MessagePack is no text: take a `Timestamp`, and convert it through [`SystemTime`].
///
/// # Example
///
/// ```
/// use signalr::Timestamp;
///
/// let moment = Timestamp::from_unix(1_514_805_840, 500_000_000).unwrap();
/// assert_eq!(moment.to_string(), "2018-01-01T11:24:00.5Z");
/// assert_eq!("2018-01-01T12:24:00.5+01:00".parse::<Timestamp>().unwrap(), moment);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp {
    seconds: i64,
    nanos: u32,
}

/// A moment with the offset of the clock that showed it: .NET's `DateTimeOffset`.
///
/// In MessagePack it travels as .NET writes it, the clock's reading and the offset in minutes; in JSON as
/// `2018-04-09T00:00:00+10:00`.
///
/// # Example
///
/// ```
/// use signalr::OffsetTimestamp;
///
/// let moment: OffsetTimestamp = "2018-04-09T00:00:00+10:00".parse().unwrap();
/// assert_eq!(moment.offset_minutes(), 600);
/// assert_eq!(moment.to_utc().to_string(), "2018-04-08T14:00:00Z");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OffsetTimestamp {
    /// What the clock shows, as if it were UTC.
    clock: Timestamp,
    minutes: i16,
}

/// A text that is no date-time, or a moment out of range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimestampError(pub(super) &'static str);

impl fmt::Display for TimestampError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for TimestampError {}

impl Timestamp {
    /// The moment so many seconds and nanoseconds after 1970; seconds may be negative.
    ///
    /// # Errors
    /// It is outside of the years 1 to 9999, or there is a second or more of nanoseconds.
    pub fn from_unix(seconds: i64, nanos: u32) -> Result<Self, TimestampError> {
        if nanos >= NANOS {
            return Err(TimestampError("nanoseconds must be below 1,000,000,000"));
        }
        if !(calendar::FIRST_SECOND..=calendar::LAST_SECOND).contains(&seconds) {
            return Err(TimestampError("a timestamp must be in the years 1 to 9999"));
        }
        Ok(Self { seconds, nanos })
    }

    /// Whole seconds since 1970, rounded down.
    #[must_use]
    pub fn seconds(self) -> i64 {
        self.seconds
    }

    /// Nanoseconds behind the whole seconds.
    #[must_use]
    pub fn nanos(self) -> u32 {
        self.nanos
    }

    fn plus_minutes(self, minutes: i16) -> Self {
        let seconds = self.seconds + i64::from(minutes) * 60;
        Self { seconds, ..self }
    }

    fn checked(self) -> Result<Self, TimestampError> {
        Self::from_unix(self.seconds, self.nanos)
    }

    /// The data of extension −1 in its smallest form.
    fn to_extension(self) -> Extension {
        let Self { seconds, nanos } = self;
        let mut bytes = [0; 12];
        let length = match (u64::try_from(seconds), u32::try_from(seconds)) {
            (_, Ok(seconds)) if nanos == 0 => {
                bytes[..4].copy_from_slice(&seconds.to_be_bytes());
                4
            }
            (Ok(seconds), _) if seconds < 1 << 34 => {
                let both = u64::from(nanos) << 34 | seconds;
                bytes[..8].copy_from_slice(&both.to_be_bytes());
                8
            }
            _ => {
                bytes[..4].copy_from_slice(&nanos.to_be_bytes());
                bytes[4..].copy_from_slice(&seconds.to_be_bytes());
                12
            }
        };
        Extension { bytes, length }
    }

    fn from_extension(bytes: &[u8]) -> Result<Self, TimestampError> {
        let number = |bytes: &[u8]| {
            let digits = bytes.iter();
            digits.fold(0, |number, digit| number << 8 | u64::from(*digit))
        };
        let (seconds, nanos) = match bytes.len() {
            4 => (number(bytes), 0),
            8 => (number(bytes) & ((1 << 34) - 1), number(bytes) >> 34),
            12 => (number(&bytes[4..]), number(&bytes[..4])),
            _ => return Err(TimestampError("timestamps have 4, 8 or 12 bytes")),
        };
        let nanos = u32::try_from(nanos).unwrap_or(NANOS);
        Self::from_unix(seconds.cast_signed(), nanos)
    }
}

impl OffsetTimestamp {
    /// A moment as a clock shows it that is so many minutes ahead of UTC.
    ///
    /// # Errors
    /// The offset is above 14 hours, or the clock's reading is outside of the years 1 to 9999.
    pub fn new(moment: Timestamp, offset_minutes: i16) -> Result<Self, TimestampError> {
        Self::from_clock(
            moment.plus_minutes(offset_minutes).checked()?,
            offset_minutes,
        )
    }

    fn from_clock(clock: Timestamp, minutes: i16) -> Result<Self, TimestampError> {
        if minutes.unsigned_abs() > 14 * 60 {
            return Err(TimestampError("an offset must be at most 14 hours"));
        }
        clock.plus_minutes(-minutes).checked()?;
        Ok(Self { clock, minutes })
    }

    /// The moment, without the offset.
    #[must_use]
    pub fn to_utc(self) -> Timestamp {
        self.clock.plus_minutes(-self.minutes)
    }

    /// How far the clock is ahead of UTC.
    #[must_use]
    pub fn offset_minutes(self) -> i16 {
        self.minutes
    }
}

impl TryFrom<SystemTime> for Timestamp {
    type Error = TimestampError;

    fn try_from(time: SystemTime) -> Result<Self, TimestampError> {
        let (seconds, nanos) = match time.duration_since(UNIX_EPOCH) {
            Ok(after) => (i64::try_from(after.as_secs()), after.subsec_nanos()),
            Err(error) => {
                let before = error.duration();
                let seconds = i64::try_from(before.as_secs()).map(|seconds| -seconds);
                match before.subsec_nanos() {
                    0 => (seconds, 0),
                    nanos => (seconds.map(|seconds| seconds - 1), NANOS - nanos),
                }
            }
        };
        Self::from_unix(seconds.unwrap_or(i64::MAX), nanos)
    }
}

impl From<Timestamp> for SystemTime {
    fn from(moment: Timestamp) -> Self {
        let seconds = Duration::from_secs(moment.seconds.unsigned_abs());
        let whole = if moment.seconds < 0 {
            UNIX_EPOCH - seconds
        } else {
            UNIX_EPOCH + seconds
        };
        whole + Duration::from_nanos(moment.nanos.into())
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        calendar::write(f, self.seconds, self.nanos)?;
        f.write_str("Z")
    }
}

impl fmt::Display for OffsetTimestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        calendar::write(f, self.clock.seconds, self.clock.nanos)?;
        let (sign, minutes) = (if self.minutes < 0 { '-' } else { '+' }, self.minutes.abs());
        write!(f, "{sign}{:02}:{:02}", minutes / 60, minutes % 60)
    }
}

impl std::str::FromStr for OffsetTimestamp {
    type Err = TimestampError;

    fn from_str(text: &str) -> Result<Self, TimestampError> {
        let (seconds, nanos, minutes) = calendar::read(text)?;
        Self::from_clock(Timestamp::from_unix(seconds, nanos)?, minutes)
    }
}

impl std::str::FromStr for Timestamp {
    type Err = TimestampError;

    fn from_str(text: &str) -> Result<Self, TimestampError> {
        text.parse().map(OffsetTimestamp::to_utc)
    }
}

/// The name by which rmp-serde knows an extension.
const EXTENSION: &str = "_ExtStruct";

/// The type of a timestamp among the extensions.
const TIMESTAMP: i8 = -1;

struct Extension {
    bytes: [u8; 12],
    length: usize,
}

impl Serialize for Extension {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        struct Bytes<'a>(&'a [u8]);
        impl Serialize for Bytes<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_bytes(self.0)
            }
        }
        let mut tuple = serializer.serialize_tuple(2)?;
        tuple.serialize_element(&TIMESTAMP)?;
        tuple.serialize_element(&Bytes(&self.bytes[..self.length]))?;
        tuple.end()
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if is_messagepack::<S::Error>() {
            serializer.serialize_newtype_struct(EXTENSION, &self.to_extension())
        } else {
            serializer.collect_str(self)
        }
    }
}

impl Serialize for OffsetTimestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if is_messagepack::<S::Error>() {
            (self.clock, self.minutes).serialize(serializer)
        } else {
            serializer.collect_str(self)
        }
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(MomentVisitor)
    }
}

impl<'de> Deserialize<'de> for OffsetTimestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OffsetVisitor)
    }
}

/// A text, or an extension, which rmp-serde shows as a newtype of a pair.
struct MomentVisitor;

impl<'de> Visitor<'de> for MomentVisitor {
    type Value = Timestamp;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a timestamp")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Timestamp, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<Timestamp, D::Error> {
        inner.deserialize_any(ExtensionVisitor)
    }
}

struct ExtensionVisitor;

impl<'de> Visitor<'de> for ExtensionVisitor {
    type Value = Timestamp;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a timestamp extension")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut pair: A) -> Result<Timestamp, A::Error> {
        if pair.next_element::<i8>()? != Some(TIMESTAMP) {
            return Err(A::Error::custom("the extension is no timestamp"));
        }
        let data: Option<super::Blob> = pair.next_element()?;
        Timestamp::from_extension(&data.unwrap_or_default()).map_err(A::Error::custom)
    }
}

struct OffsetVisitor;

impl<'de> Visitor<'de> for OffsetVisitor {
    type Value = OffsetTimestamp;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a timestamp with an offset")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<OffsetTimestamp, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut pair: A) -> Result<OffsetTimestamp, A::Error> {
        let (Some(clock), Some(minutes)) = (pair.next_element()?, pair.next_element()?) else {
            return Err(A::Error::custom("a timestamp with an offset is a pair"));
        };
        while pair.next_element::<IgnoredAny>()?.is_some() {}
        OffsetTimestamp::from_clock(clock, minutes).map_err(A::Error::custom)
    }
}
