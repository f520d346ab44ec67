//! What the other side may call on a client: handlers by name.

use std::{borrow::Cow, fmt, sync::Arc};

use super::{Args, BindError, BoxFuture, succession::Succession};
use crate::{
    error::{Error, Kind},
    hub_error::HubError,
    protocol::HubResult,
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

type Run =
    dyn Fn(&mut Args<'_>) -> Result<BoxFuture<Result<Reply, HubError>>, BindError> + Send + Sync;

/// What is called by one name.
#[derive(Clone)]
pub(super) struct Handler {
    number: u64,
    name: Cow<'static, str>,
    pub(super) params: usize,
    /// Whether it gives a result.
    pub(super) answers: bool,
    pub(super) run: Arc<Run>,
}

/// The handlers of one client, by name; letter case does not matter (HP-83).
#[doc(hidden)]
#[derive(Default)]
pub struct Handlers {
    /// In the order of their registration, which is the order in which those of one name run.
    all: Vec<Handler>,
    added: u64,
    /// The connections that call them.
    pub(super) connections: Succession,
}

impl Handlers {
    /// Adds a handler that takes so many arguments and gives a result where it `answers`. Returns its number.
    pub fn add<F>(
        &mut self,
        name: impl Into<Cow<'static, str>>,
        params: usize,
        answers: bool,
        run: F,
    ) -> u64
    where
        F: Fn(&mut Args<'_>) -> Result<BoxFuture<Result<Reply, HubError>>, BindError>
            + Send
            + Sync
            + 'static,
    {
        self.added += 1;
        self.all.push(Handler {
            number: self.added,
            name: name.into(),
            params,
            answers,
            run: Arc::new(run),
        });
        self.added
    }

    /// Takes over handlers that were registered apart.
    ///
    /// # Errors
    /// Two of one name would give a result (CL-83); nothing is taken over then.
    pub(crate) fn append(&mut self, other: &mut Self) -> Result<Vec<u64>, Error> {
        let answering = other.all.iter().filter(|handler| handler.answers);
        for handler in answering {
            let all = self.all.iter().chain(&other.all);
            let same = all.filter(|other| other.answers && other.is_called(&handler.name));
            if same.count() > 1 {
                return Err(Kind::NotAllowed(
                    format!(
                        "'{}' already has a value returning handler. Multiple return values are not supported.",
                        handler.name
                    )
                    .into(),
                )
                .into());
            }
        }
        let first = self.added + 1;
        for mut handler in other.all.drain(..) {
            self.added += 1;
            handler.number = self.added;
            self.all.push(handler);
        }
        Ok((first..=self.added).collect())
    }

    /// Takes handlers away, to be dropped when nothing is locked: a closure's drop may do anything.
    #[must_use]
    pub(crate) fn remove(&mut self, numbers: &[u64]) -> Self {
        self.take(|handler| numbers.contains(&handler.number))
    }

    /// Takes all handlers of a name away, to be dropped likewise.
    #[must_use]
    pub(crate) fn remove_all(&mut self, name: &str) -> Self {
        self.take(|handler| handler.is_called(name))
    }

    fn take(&mut self, mut which: impl FnMut(&Handler) -> bool) -> Self {
        Self {
            all: self.all.extract_if(.., |handler| which(handler)).collect(),
            ..Self::default()
        }
    }

    pub(super) fn find(&self, name: &str) -> Vec<Handler> {
        let handlers = self.all.iter();
        handlers
            .filter(|handler| handler.is_called(name))
            .cloned()
            .collect()
    }
}

impl Handler {
    fn is_called(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }
}

impl fmt::Debug for Handlers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.all.iter().map(|handler| &handler.name);
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
