//! What the other side may call on a client: handlers by name.

use std::{fmt, sync::Arc};

use super::{Args, BindError, BoxFuture};
use crate::{hub_error::HubError, protocol::HubResult};

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

type Run = Box<
    dyn Fn(&mut Args<'_>) -> Result<BoxFuture<Result<Reply, HubError>>, BindError> + Send + Sync,
>;

/// What is called by one name.
pub(super) struct Handler {
    name: &'static str,
    pub(super) params: usize,
    pub(super) run: Run,
}

/// The handlers of one client, by name; letter case does not matter (HP-83).
#[doc(hidden)]
#[derive(Default)]
pub struct Handlers {
    by_name: Vec<Handler>,
}

impl Handlers {
    /// Adds a handler that takes so many arguments.
    pub fn add<F>(&mut self, name: &'static str, params: usize, run: F)
    where
        F: Fn(&mut Args<'_>) -> Result<BoxFuture<Result<Reply, HubError>>, BindError>
            + Send
            + Sync
            + 'static,
    {
        let run = Box::new(run);
        self.by_name.push(Handler { name, params, run });
    }

    pub(super) fn find(&self, name: &str) -> Option<&Handler> {
        let mut handlers = self.by_name.iter();
        handlers.find(|handler| handler.name.eq_ignore_ascii_case(name))
    }
}

impl fmt::Debug for Handlers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.by_name.iter().map(|handler| handler.name);
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

    pub(super) fn as_value(&self) -> Option<&(dyn HubResult + Send)> {
        self.0.as_deref()
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
