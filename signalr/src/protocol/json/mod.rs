//! The JSON encoding of hub messages (section 5).

pub(super) mod read;
pub(super) mod write;

#[cfg(test)]
mod tests;
