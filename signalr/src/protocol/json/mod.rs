//! The JSON encoding of hub messages (section 5).

pub(super) mod read;
mod scan;
mod step;
pub(super) mod write;

/// The reader of usual messages answers as the general one does, or leaves the message to it.
#[cfg(feature = "__test")]
pub(crate) fn check_readers(text: &str) {
    if let Some(message) = scan::message(text) {
        assert!(read::general(text).is_ok_and(|expected| expected == Some(message)));
    }
}

#[cfg(test)]
pub(in crate::protocol) mod tests;
