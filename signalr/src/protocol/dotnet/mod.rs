//! What `#[dotnet]` expands to calls: enums are numbers in JSON and names in MessagePack (sections 5.4 and 6.4).

#[cfg(all(test, feature = "macros", feature = "msgpack"))]
mod tests;

use std::fmt;

use serde::{
    Deserializer, Serializer,
    de::{Error, Unexpected, Visitor},
    ser,
};

use super::is_messagepack;

/// A value of an enum with `#[dotnet]`.
#[derive(Debug)]
pub struct Variant<T> {
    /// In MessagePack.
    pub name: &'static str,
    /// In JSON; wide enough for every enum of .NET, signed or not.
    pub number: i128,
    /// Makes the value.
    pub value: fn() -> T,
    /// It stands for all that is read and unknown.
    pub is_other: bool,
}

/// Writes the value that is called so.
///
/// # Errors
/// It cannot be written, or has more than 64 bits.
pub fn write_variant<S: Serializer>(
    name: &'static str,
    number: i128,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    if is_messagepack::<S::Error>() {
        return serializer.serialize_str(name);
    }
    match (i64::try_from(number), u64::try_from(number)) {
        (Ok(number), _) => serializer.serialize_i64(number),
        (_, Ok(number)) => serializer.serialize_u64(number),
        _ => Err(ser::Error::custom(format_args!(
            "`{name}` is {number}, which does not fit into 64 bits"
        ))),
    }
}

/// Reads one of these values.
///
/// # Errors
/// It is none of them, or not what stands for one in this encoding.
pub fn read_variant<'de, T, D: Deserializer<'de>>(
    variants: &'static [Variant<T>],
    deserializer: D,
) -> Result<T, D::Error> {
    let by_name = is_messagepack::<D::Error>();
    let visitor = VariantVisitor { variants, by_name };
    match by_name {
        true => deserializer.deserialize_str(visitor),
        false => deserializer.deserialize_i64(visitor),
    }
}

struct VariantVisitor<T: 'static> {
    variants: &'static [Variant<T>],
    by_name: bool,
}

impl<T> VariantVisitor<T> {
    fn find<E: Error>(
        self,
        is_meant: impl Fn(&Variant<T>) -> bool,
        read: Unexpected<'_>,
    ) -> Result<T, E> {
        let mut variants = self.variants.iter();
        let meant = variants.clone().find(|variant| is_meant(variant));
        let variant = meant.or_else(|| variants.find(|variant| variant.is_other));
        let variant = variant.ok_or_else(|| E::invalid_value(read, &self))?;
        Ok((variant.value)())
    }

    fn number<E: Error>(self, number: i128, read: Unexpected<'_>) -> Result<T, E> {
        if self.by_name {
            return Err(E::invalid_type(read, &self));
        }
        self.find(|variant| variant.number == number, read)
    }
}

impl<T> Visitor<'_> for VariantVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("one of")?;
        for (place, variant) in self.variants.iter().enumerate() {
            let separator = if place == 0 { " " } else { ", " };
            match self.by_name {
                true => write!(f, "{separator}`{}`", variant.name)?,
                false => write!(f, "{separator}{}", variant.number)?,
            }
        }
        Ok(())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<T, E> {
        self.number(number.into(), Unexpected::Signed(number))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<T, E> {
        self.number(number.into(), Unexpected::Unsigned(number))
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<T, E> {
        let read = Unexpected::Str(name);
        if !self.by_name {
            return Err(E::invalid_type(read, &self));
        }
        self.find(|variant| variant.name == name, read)
    }
}

/// What a struct falls back to if serde's derives have failed, so that nothing but their own error is told.
pub trait Underived {
    /// # Errors
    /// Always.
    fn serialize<T, S: Serializer>(_value: &T, _serializer: S) -> Result<S::Ok, S::Error> {
        Err(ser::Error::custom("not derived"))
    }

    /// # Errors
    /// Always.
    fn deserialize<'de, T, D: Deserializer<'de>>(_deserializer: D) -> Result<T, D::Error> {
        Err(Error::custom("not derived"))
    }
}

impl<T> Underived for T {}
