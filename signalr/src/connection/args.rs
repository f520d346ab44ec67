//! The arguments of one incoming call: values to be bound in order, and upload streams to be opened.

use std::fmt;

use serde::de::IgnoredAny;
use tokio_util::sync::CancellationToken;

use super::{Upload, UploadSinks};
use crate::protocol::{HubArg, Payload, Source};

/// The arguments of one call, to be bound in order.
#[doc(hidden)]
#[derive(Debug)]
pub struct Args<'a> {
    source: Result<Source<'a>, BindError>,
    expected: usize,
    bound: usize,
    pub(crate) uploads: UploadSinks,
    /// Fires when the call is cancelled, where the method takes it.
    pub(crate) cancellation: Option<CancellationToken>,
}

impl<'a> Args<'a> {
    /// `expected` is how many values the target takes, `uploads` how its upload streams are opened.
    pub(crate) fn new(arguments: Payload<'a>, expected: usize, uploads: UploadSinks) -> Self {
        let source = match Source::list(arguments) {
            Err(_) => Err(BindError::NotAList),
            Ok((_, Some(provided))) if provided != expected => {
                Err(BindError::Count { provided, expected })
            }
            Ok((source, _)) => Ok(source),
        };
        Self {
            source,
            expected,
            bound: 0,
            uploads,
            cancellation: None,
        }
    }

    /// Binds the next value.
    ///
    /// # Errors
    /// There is none, or it does not fit `T`.
    pub fn next<T: HubArg>(&mut self, name: &'static str) -> Result<T, BindError> {
        let source = self.source.as_mut().map_err(|error| *error)?;
        if !source.more() {
            return Err(self.miscounted(self.bound));
        }
        let value = T::read(source).map_err(|source| {
            tracing::debug!(argument = name, error = %source, "argument does not fit");
            BindError::Type
        })?;
        self.bound += 1;
        Ok(value)
    }

    /// Opens the next upload stream.
    ///
    /// # Errors
    /// None today; fallible like [`next`](Self::next).
    pub fn upload<U: Upload>(&mut self, _: &'static str) -> Result<U, BindError> {
        Ok(self.uploads.open())
    }

    /// Gives the token that fires when the call is cancelled.
    pub fn cancellation<T: Cancellation>(&mut self) -> T {
        T::from_token(self.cancellation.get_or_insert_default().clone())
    }

    /// Refuses surplus values, all of which are counted (HP-43).
    ///
    /// # Errors
    /// There are more values than were bound.
    pub fn finish(&mut self) -> Result<(), BindError> {
        let source = self.source.as_mut().map_err(|error| *error)?;
        let mut provided = self.bound;
        while source.more() {
            provided += 1;
            if source.next::<IgnoredAny>().is_err() {
                return Err(BindError::Type);
            }
        }
        if provided == self.bound {
            Ok(())
        } else {
            Err(self.miscounted(provided))
        }
    }

    fn miscounted(&self, provided: usize) -> BindError {
        BindError::Count {
            provided,
            expected: self.expected,
        }
    }
}

/// What a method can take to learn that its call was cancelled: tokio's token, and no other type of that name.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no cancellation token",
    label = "not a token that the server can give",
    note = "take `signalr::CancellationToken`, which is the one of `tokio_util`"
)]
pub trait Cancellation {
    fn from_token(token: CancellationToken) -> Self;
}

impl Cancellation for CancellationToken {
    fn from_token(token: CancellationToken) -> Self {
        token
    }
}

/// Why arguments could not be bound (section 7); the texts are exact.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BindError {
    Count { provided: usize, expected: usize },
    Type,
    NotAList,
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count { provided, expected } => write!(
                f,
                "Invocation provides {provided} argument(s) but target expects {expected}."
            ),
            Self::NotAList => f.write_str("Reading array length for 'arguments' failed."),
            Self::Type => f.write_str(
                "Error binding arguments. Make sure that the types of the provided values match the types of the hub method being invoked.",
            ),
        }
    }
}
