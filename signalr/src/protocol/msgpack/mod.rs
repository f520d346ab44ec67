//! The MessagePack encoding of hub messages (section 6).

pub(super) mod read;
pub(super) mod value;
pub(super) mod write;

#[cfg(test)]
pub(in crate::protocol) mod tests;
