//! What a hub method may fail with, and how much of it a client gets to read.

use std::{borrow::Cow, error::Error as StdError, fmt};

/// The error of a hub method: public by choice, private by default.
///
/// [`HubError::new`] makes an error whose text the client may read, like ASP.NET Core's `HubException`. Everything that comes in
/// through `?` is private: the client gets a general sentence, unless
/// [`detailed_errors`](crate::HubServerBuilder::detailed_errors) is on. Like `anyhow::Error` it does not implement
/// [`std::error::Error`] itself, which is what lets `?` take any error.
///
/// # Example
///
/// ```
/// use signalr::HubError;
///
/// fn parse(text: &str) -> Result<u8, HubError> {
///     if text.is_empty() {
///         return Err(HubError::new("say a number")); // the client reads this
///     }
///     Ok(text.parse()?) // the client does not read `ParseIntError`'s text
/// }
///
/// assert!(parse("").unwrap_err().is_public());
/// assert!(!parse("x").unwrap_err().is_public());
/// ```
pub struct HubError {
    /// The type name that is printed before the text, as in `HubException: text`.
    name: Cow<'static, str>,
    text: String,
    public: bool,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl HubError {
    /// An error whose text the client may read; it arrives as `HubException: <text>` behind the general sentence.
    #[must_use]
    pub fn new(text: impl fmt::Display) -> Self {
        Self::named("HubException", text)
    }

    /// Like [`new`](Self::new) under an exception name of its own, as an exception derived from `HubException` has in .NET.
    #[must_use]
    pub fn named(name: impl Into<Cow<'static, str>>, text: impl fmt::Display) -> Self {
        Self {
            name: name.into(),
            text: text.to_string(),
            public: true,
            source: None,
        }
    }

    /// Whether the client may read the text without detailed errors.
    #[must_use]
    pub fn is_public(&self) -> bool {
        self.public
    }

    /// The error that `?` converted, if there was one.
    #[must_use]
    pub fn source(&self) -> Option<&(dyn StdError + Send + Sync + 'static)> {
        self.source.as_deref()
    }

    /// `<base>` alone, or `<base> <Name>: <text>` where the client may read it (server reference, section 7.1).
    pub(crate) fn describe(&self, base: &str, detailed: bool) -> String {
        if self.public || detailed {
            format!("{base} {}: {}", self.name, self.text)
        } else {
            base.to_owned()
        }
    }

    /// Marks a span as failed, by the kind of the error and without its text (server reference, section 18.2).
    pub(crate) fn record_in(&self, span: &tracing::Span) {
        span.record("error.type", &*self.name);
        span.record("otel.status_code", "ERROR");
    }

    /// A private error that comes from the library itself.
    pub(crate) fn private(name: &'static str, text: impl fmt::Display) -> Self {
        Self {
            name: name.into(),
            text: text.to_string(),
            public: false,
            source: None,
        }
    }
}

impl<E: StdError + Send + Sync + 'static> From<E> for HubError {
    fn from(error: E) -> Self {
        let error: Box<dyn StdError + Send + Sync> = Box::new(error);
        // Our own errors keep the exception names that detailed texts show in ASP.NET Core.
        let name = error
            .downcast_ref::<crate::Error>()
            .map_or_else(short_type_name::<E>, crate::Error::wire_name);
        Self {
            name: name.into(),
            text: error.to_string(),
            public: false,
            source: Some(error),
        }
    }
}

impl fmt::Display for HubError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for HubError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let visibility = if self.public { "public" } else { "private" };
        write!(f, "HubError({visibility} {}: {:?})", self.name, self.text)
    }
}

/// The last path segment of a type's name: `ParseIntError` for `core::num::error::ParseIntError`.
pub(crate) fn short_type_name<T: ?Sized>() -> &'static str {
    let full = std::any::type_name::<T>();
    let plain = full.split('<').next().unwrap_or(full);
    plain.rsplit("::").next().unwrap_or(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = "An unexpected error occurred invoking 'Fail' on the server.";

    #[test]
    fn public_text_is_always_shown() {
        let error = HubError::new("boom");
        let expected = format!("{BASE} HubException: boom");
        assert_eq!(error.describe(BASE, false), expected);
        assert_eq!(error.describe(BASE, true), expected);
    }

    #[test]
    fn private_text_needs_detailed_errors() {
        let error = HubError::from("x".parse::<u8>().expect_err("not a number"));
        assert_eq!(error.describe(BASE, false), BASE);
        assert_eq!(
            error.describe(BASE, true),
            format!("{BASE} ParseIntError: invalid digit found in string")
        );
    }

    #[test]
    fn named_error_keeps_its_name() {
        let error = HubError::named("OutOfStock", "none left");
        assert_eq!(
            error.describe("Base.", false),
            "Base. OutOfStock: none left"
        );
    }
}
