//! Whom a call to clients is for, as types: many clients can be told, a single one can also be asked.

use std::{fmt, sync::Arc};

use super::{ConnectionId, Invoking, Lifetime, Recipients, Sending, outgoing};
use crate::protocol::{Arguments, CallResult, HubArg};

mod sealed {
    #[expect(unnameable_types, reason = "that is the point")]
    pub trait Sealed {}
    impl Sealed for super::Many {}
    impl Sealed for super::Single {}
}

/// Any number of clients: they can be told something.
#[derive(Clone)]
pub struct Many {
    lifetime: Arc<dyn Lifetime>,
    to: Recipients,
}

/// Exactly one client: it can be told something, and asked for a result.
#[derive(Clone)]
pub struct Single {
    lifetime: Arc<dyn Lifetime>,
    id: ConnectionId,
    /// Why it may not be asked here.
    denied: Option<&'static str>,
}

impl Many {
    pub(crate) fn new(lifetime: Arc<dyn Lifetime>, to: Recipients) -> Self {
        Self { lifetime, to }
    }
}

impl Single {
    pub(crate) fn new(
        lifetime: Arc<dyn Lifetime>,
        id: ConnectionId,
        denied: Option<&'static str>,
    ) -> Self {
        Self {
            lifetime,
            id,
            denied,
        }
    }

    /// Calls the client and waits for its answer.
    pub(crate) fn invoke<R: HubArg + 'static, A: Arguments>(
        &self,
        method: &str,
        arguments: &A,
    ) -> Invoking<R> {
        let to = self.id.clone();
        outgoing::invoke(&self.lifetime, to, self.denied, method, arguments)
    }
}

/// [`Many`] or [`Single`]; sealed.
pub trait Target: sealed::Sealed + Clone + Send + Sync + 'static {
    #[doc(hidden)]
    fn send<A: Arguments>(&self, method: &str, arguments: &A) -> Sending;
}

impl Target for Many {
    fn send<A: Arguments>(&self, method: &str, arguments: &A) -> Sending {
        outgoing::send(&self.lifetime, self.to.clone(), method, arguments)
    }
}

impl Target for Single {
    fn send<A: Arguments>(&self, method: &str, arguments: &A) -> Sending {
        let to = Recipients::Connection(self.id.clone());
        outgoing::send(&self.lifetime, to, method, arguments)
    }
}

/// What a server may call on clients; written by [`#[receiver]`](crate::receiver) on a trait.
pub trait Contract: 'static {
    /// The calls, for one kind of target.
    type Proxy<T: Target>;

    #[doc(hidden)]
    fn proxy<T: Target>(target: T) -> Self::Proxy<T>;
}

/// Calls clients by name: the contract of a hub without a `#[receiver]` trait, and beside one through
/// [`Clients::untyped`](super::Clients::untyped).
pub struct Untyped<T = Many>(T);

impl Contract for Untyped {
    type Proxy<T: Target> = Untyped<T>;

    fn proxy<T: Target>(target: T) -> Untyped<T> {
        Untyped(target)
    }
}

impl<T: Target> Untyped<T> {
    /// Calls `method` on the clients, without waiting for an answer.
    ///
    /// Arguments are a tuple of serializable values, `()` for none. They are encoded at once; the message goes out when the
    /// returned future is first polled.
    #[must_use = "nothing is sent until this is awaited"]
    #[expect(clippy::needless_pass_by_value, reason = "a tuple made for the call")]
    pub fn send(&self, method: &str, arguments: impl Arguments) -> Sending {
        self.0.send(method, &arguments)
    }
}

impl Untyped<Single> {
    /// Calls `method` on the client and waits for its answer.
    #[must_use = "nothing is sent until this is awaited"]
    #[expect(clippy::needless_pass_by_value, reason = "a tuple made for the call")]
    pub fn invoke<R: CallResult>(&self, method: &str, arguments: impl Arguments) -> Invoking<R> {
        self.0.invoke(method, &arguments)
    }
}

impl fmt::Debug for Many {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Many").field(&self.to).finish()
    }
}

impl fmt::Debug for Single {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Single").field(&self.id).finish()
    }
}

impl<T: fmt::Debug> fmt::Debug for Untyped<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Untyped").field(&self.0).finish()
    }
}
