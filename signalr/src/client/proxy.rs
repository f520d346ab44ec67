//! What the typed proxies of hubs stand on.

use std::{fmt, marker::PhantomData};

use futures_core::Stream;
use serde::Serialize;

use super::{
    arguments::{CallArgument, CallArguments},
    connection::HubConnection,
};
use crate::{
    connection::ItemStream,
    error::Error,
    protocol::{HubArg, HubResult},
};

/// What becomes of the calls of a hub's proxy: they are [`Invoked`] or [`Sent`].
///
/// # Example
///
/// ```
/// # use signalr::{HubConnection, HubError, hub};
/// # struct ChatHub;
/// #[hub]
/// impl ChatHub {
///     pub async fn say(&self, room: &str, text: &str) -> Result<usize, HubError> {
///         Ok(room.len() + text.len())
///     }
/// }
///
/// # async fn run(connection: HubConnection) -> Result<(), signalr::Error> {
/// let chat = ChatHubProxy::new(&connection);
/// let heard: usize = chat.say("general", "hi").await?;
/// let () = chat.sending().say("general", "nobody waits for me").await?;
/// # Ok(())
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say what becomes of a proxy's calls",
    label = "neither `Invoked` nor `Sent`"
)]
pub trait CallMode: sealed::Mode {
    /// What a call yields whose method results in an `R`.
    type Answer<R>;
}

/// A proxy's calls wait for the hub's answer, and yield it; the default.
#[derive(Clone, Copy, Debug)]
pub enum Invoked {}

/// A proxy's calls want no answer: they are done when they are queued, and their uploads have ended. Whether the hub has such a
/// method, and what becomes of it, is not told.
#[derive(Clone, Copy, Debug)]
pub enum Sent {}

impl CallMode for Invoked {
    type Answer<R> = R;
}

impl CallMode for Sent {
    type Answer<R> = ();
}

mod sealed {
    use super::{CallArguments, CallMode, Error, HubArg, HubConnection, Invoked, Sent};

    #[expect(unnameable_types, reason = "that is the point")]
    pub trait Mode: Send + Sync + 'static {
        fn call<R: HubArg + 'static, A: CallArguments + Send>(
            connection: &HubConnection,
            method: &'static str,
            arguments: A,
        ) -> impl Future<Output = Result<Self::Answer<R>, Error>> + Send
        where
            Self: CallMode;
    }

    impl Mode for Invoked {
        async fn call<R: HubArg + 'static, A: CallArguments + Send>(
            connection: &HubConnection,
            method: &'static str,
            arguments: A,
        ) -> Result<R, Error> {
            connection.invoke(method, arguments).await
        }
    }

    impl Mode for Sent {
        async fn call<R: HubArg + 'static, A: CallArguments + Send>(
            connection: &HubConnection,
            method: &'static str,
            arguments: A,
        ) -> Result<(), Error> {
            connection.send(method, arguments).await
        }
    }
}

/// The inside of a proxy: of a hub of the type `H`, where that has parameters.
#[doc(hidden)]
pub struct Proxy<M, H = ()> {
    connection: HubConnection,
    of: PhantomData<fn() -> (M, H)>,
}

impl<M, H> Proxy<M, H> {
    pub fn new(connection: &HubConnection) -> Self {
        Self {
            connection: connection.clone(),
            of: PhantomData,
        }
    }
}

impl<M: CallMode, H> Proxy<M, H> {
    /// # Errors
    /// As [`HubConnection::invoke`] or [`HubConnection::send`].
    pub async fn call<R: Answer, A: CallArguments + Send>(
        &self,
        method: &'static str,
        arguments: A,
    ) -> Result<M::Answer<R>, Error> {
        M::call::<R, A>(&self.connection, method, arguments).await
    }
}

impl<H> Proxy<Invoked, H> {
    /// # Errors
    /// As [`HubConnection::stream`].
    pub async fn stream<T: Answer, A: CallArguments + Send>(
        &self,
        method: &'static str,
        arguments: A,
    ) -> Result<ItemStream<T>, Error> {
        self.connection.stream(method, arguments).await
    }

    #[must_use]
    pub fn sending(&self) -> Proxy<Sent, H> {
        Proxy::new(&self.connection)
    }
}

impl<M, H> Clone for Proxy<M, H> {
    fn clone(&self) -> Self {
        Self::new(&self.connection)
    }
}

impl<M, H> fmt::Debug for Proxy<M, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.connection.fmt(f)
    }
}

/// A type that a proxy can pass to a method.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be sent to a hub",
    label = "takes a `{Self}`, which cannot be sent",
    note = "what a client sends must implement `serde::Serialize` and `Send`"
)]
pub trait Argument: CallArgument + Send {}

#[diagnostic::do_not_recommend]
impl<T: CallArgument + Send> Argument for T {}

/// The same, lent.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be sent to a hub",
    label = "takes a `{Self}`, which cannot be sent",
    note = "what a client sends must implement `serde::Serialize`, and `Sync` if it is lent"
)]
pub trait Lent: Serialize + Sync {}

#[diagnostic::do_not_recommend]
impl<T: Serialize + Sync + ?Sized> Lent for T {}

/// A stream that a proxy can upload.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a stream, and cannot be uploaded",
    label = "not a stream of items",
    note = "the method takes a stream: pass `futures_util::stream::iter(…)` of values that you have, or the stream of a channel"
)]
pub trait Uploadable: Stream {}

#[diagnostic::do_not_recommend]
impl<S: Stream> Uploadable for S {}

/// A type of which a proxy can upload a stream.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "a stream of `{Self}` cannot be uploaded",
    label = "uploads items of the type `{Self}`, which cannot be sent",
    note = "what a client uploads must implement `serde::Serialize`"
)]
pub trait Uploaded: HubResult {}

#[diagnostic::do_not_recommend]
impl<T: HubResult> Uploaded for T {}

/// A type that a proxy can read from a hub's answer.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be read from a hub's answer",
    label = "answers with a `{Self}`, which cannot be read",
    note = "what a client reads must implement `serde::Deserialize` without borrowing, and `Send`"
)]
pub trait Answer: HubArg + 'static {}

#[diagnostic::do_not_recommend]
impl<T: HubArg + 'static> Answer for T {}
