//! What the other side may call on a client: handlers by name.

use std::{fmt, sync::Arc};

use super::{Args, BindError, BoxFuture, UploadSinks};
use crate::{
    hub_error::HubError,
    protocol::{HubArg, HubProtocol, HubResult, Payload, Source, ValueWriter},
};

/// An implementation of a `#[receiver]` trait whose methods a server may call; written by `#[receiver]` on the `impl`.
///
/// # Example
///
/// ```
/// use signalr::{Callbacks, receiver};
///
/// #[receiver]
/// trait ChatClient {
///     async fn said(&self, text: &str);
/// }
///
/// struct Ui;
///
/// #[receiver]
/// impl ChatClient for Ui {
///     async fn said(&self, text: &str) {
///         println!("{text}");
///     }
/// }
///
/// fn needs_callbacks(_: impl Callbacks) {}
/// needs_callbacks(Ui);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` handles no messages",
    label = "not a receiver",
    note = "put `#[signalr::receiver]` on `impl YourContract for {Self}`"
)]
pub trait Callbacks: Send + Sync + 'static {
    #[doc(hidden)]
    fn register(self: Arc<Self>, on: &mut Handlers);
}

type Handler = Box<
    dyn Fn(&mut Args<'_>) -> Result<BoxFuture<Result<Reply, HubError>>, BindError> + Send + Sync,
>;

/// The handlers of one client, by name; letter case does not matter (HP-83).
#[doc(hidden)]
#[derive(Default)]
pub struct Handlers {
    by_name: Vec<(&'static str, Handler)>,
}

impl Handlers {
    /// Adds a handler.
    pub fn add<F>(&mut self, method: &'static str, handler: F)
    where
        F: Fn(&mut Args<'_>) -> Result<BoxFuture<Result<Reply, HubError>>, BindError>
            + Send
            + Sync
            + 'static,
    {
        self.by_name.push((method, Box::new(handler)));
    }

    /// Binds a call with a JSON list of arguments; `None` if there is no such handler.
    ///
    /// # Errors
    /// The arguments do not fit.
    pub fn call_json(
        &self,
        method: &str,
        arguments: &str,
    ) -> Option<Result<BoxFuture<Result<Reply, HubError>>, BindError>> {
        let (_, handler) = self
            .by_name
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(method))?;
        let arguments = Payload::Json(arguments);
        Some(handler(&mut Args::new(
            arguments,
            0,
            UploadSinks::default(),
        )))
    }
}

impl fmt::Debug for Handlers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.by_name.iter().map(|(name, _)| name);
        f.debug_list().entries(names).finish()
    }
}

/// What a handler answers; nothing, or a value that is written when the protocol is known.
#[doc(hidden)]
pub struct Reply(Option<Box<dyn HubResult + Send>>);

impl Reply {
    /// The answer of a handler without result.
    #[must_use]
    pub fn nothing() -> Self {
        Self(None)
    }

    /// The answer of a handler with a result.
    pub fn value<T: HubResult + Send + 'static>(value: T) -> Self {
        Self(Some(Box::new(value)))
    }

    /// The answer as it would be read at the other end, if there is one.
    ///
    /// # Errors
    /// It cannot be serialized, or is no `T`.
    pub fn round_trip<T: HubArg>(&self) -> Result<Option<T>, HubError> {
        let Some(value) = &self.0 else {
            return Ok(None);
        };
        let mut out = Vec::new();
        value.write(&mut ValueWriter::new(HubProtocol::Json, &mut out))?;
        let text = String::from_utf8(out)?;
        let value = T::read(&mut Source::single(Payload::Json(&text)));
        let value = value.map_err(|error| HubError::private("JsonException", error))?;
        Ok(Some(value))
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() {
            "Reply"
        } else {
            "Reply(nothing)"
        })
    }
}
