//! The JSON encoding of hub messages (section 5).

pub(super) mod read;
pub(super) mod write;

#[cfg(test)]
pub(in crate::protocol) mod tests;
