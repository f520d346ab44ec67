//! Texts that are mostly short, without an allocation for those that are.

use std::fmt;

/// With its length a short text fills three words, as a `String` does.
const ROOM: usize = 22;

/// An id or a name that a client has chosen.
#[derive(Clone)]
pub(crate) enum ShortText {
    Short { bytes: [u8; ROOM], length: u8 },
    Long(Box<str>),
}

impl ShortText {
    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Short { bytes, length } => {
                let text = bytes.get(..usize::from(*length)).unwrap_or_default();
                std::str::from_utf8(text).expect("it was a text before")
            }
            Self::Long(text) => text,
        }
    }
}

impl From<&str> for ShortText {
    fn from(text: &str) -> Self {
        let mut bytes = [0; ROOM];
        match (bytes.get_mut(..text.len()), u8::try_from(text.len())) {
            (Some(place), Ok(length)) => {
                place.copy_from_slice(text.as_bytes());
                Self::Short { bytes, length }
            }
            _ => Self::Long(text.into()),
        }
    }
}

impl fmt::Debug for ShortText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_any_length_stay_what_they_are() {
        assert_eq!(size_of::<ShortText>(), size_of::<String>());
        for length in (0..30).chain([255, 256, 1_000]) {
            let text = "ä".repeat(length / 2) + &"x".repeat(length % 2);
            let short = ShortText::from(&*text);
            assert_eq!(short.as_str(), text);
            assert_eq!(matches!(short, ShortText::Short { .. }), length <= ROOM);
        }
    }
}
