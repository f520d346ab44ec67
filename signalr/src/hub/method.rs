//! The dispatch table that `#[hub]` writes.

use std::fmt;

use super::{Call, Connecting, Context, Contract};
use crate::{
    connection::{Args, BindError, BoxFuture, CallError},
    error::Error,
    hub_error::HubError,
};

/// A set of methods that clients may call; written by [`#[hub]`](crate::hub).
///
/// The table is a constant: making a hub registers and allocates nothing, and the methods can be listed.
///
/// # Example
///
/// ```
/// use signalr::{Hub, hub};
///
/// struct Calculator;
///
/// #[hub]
/// impl Calculator {
///     pub fn add(&self, a: i32, b: i32) -> i32 {
///         a + b
///     }
/// }
///
/// assert_eq!(Calculator::METHODS[0].name, "add");
/// assert_eq!(Calculator::METHODS[0].params, ["a", "b"]);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a hub",
    label = "no `#[hub]` block",
    note = "put `#[signalr::hub]` on the `impl {Self}` block with the methods that clients may call"
)]
pub trait Hub: Sized + Send + Sync + 'static {
    /// What the server may call on clients.
    type Client: Contract;
    /// Per-connection state, made by [`on_connected`](Self::on_connected).
    type Session: Send + Sync + 'static;
    /// The hub's name in logs.
    const NAME: &'static str;
    /// The methods that clients may call; nothing else is ever called.
    const METHODS: &'static [Method<Self>];

    /// Runs before the first call of a connection is read, and makes its session.
    ///
    /// # Errors
    /// An error refuses the connection: the client gets a Close message without permission to reconnect.
    fn on_connected(
        &self,
        cx: &Connecting<Self>,
    ) -> impl Future<Output = Result<Self::Session, HubError>> + Send;

    /// Runs once for each connection whose [`on_connected`](Self::on_connected) succeeded, after the last of its calls.
    ///
    /// The connection is still in its groups. `reason` is `None` when the client left, or the server closed the connection.
    fn on_disconnected(
        &self,
        cx: &Context<Self>,
        reason: Option<&Error>,
    ) -> impl Future<Output = ()> + Send {
        let _ = (cx, reason);
        async {}
    }
}

/// How a method answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// With one completion.
    Call,
    /// With a stream of items.
    Stream,
}

#[doc(hidden)]
pub type Run<H> = fn(Call<H>, &mut Args<'_>) -> Result<BoxFuture<Result<(), CallError>>, BindError>;

/// One callable method of a hub.
pub struct Method<H: Hub> {
    /// The name on the wire. Clients' names are compared without regard to ASCII case.
    pub name: &'static str,
    /// The names of the arguments that clients send, in order.
    pub params: &'static [&'static str],
    /// How many upload streams it takes.
    pub uploads: usize,
    /// How it answers.
    pub kind: Kind,
    pub(crate) run: Run<H>,
}

impl<H: Hub> fmt::Debug for Method<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Method")
            .field("name", &self.name)
            .field("params", &self.params)
            .field("uploads", &self.uploads)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

/// A name that two methods of a hand-written table share; `#[hub]` refuses that at compile time.
pub(crate) fn find_duplicate<H: Hub>(methods: &[Method<H>]) -> Option<&'static str> {
    let mut names: Vec<_> = methods.iter().map(|method| method.name).collect();
    names.sort_by_key(|name| name.to_ascii_lowercase());
    names
        .windows(2)
        .find(|pair| pair[0].eq_ignore_ascii_case(pair[1]))
        .map(|pair| pair[0])
}
