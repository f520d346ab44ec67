//! What the expansions of `#[hub]`, `#[receiver]` and `#[dotnet]` call. No promise of stability; not for use by hand.

pub use std::{boxed::Box, marker::PhantomData as Marker, string::String, sync::Arc, vec::Vec};

pub use serde::{self, Serialize};

pub use crate::{
    connection::{
        Args, BindError, BoxFuture, CallError, Cancellation, Handlers, RawItem, Reply, UploadSink,
        UploadSinks,
    },
    hub::{Call, IntoHubError, Run},
    protocol::{
        CallResult, HubArg, HubResult, Source, Underived, ValueWriter, Variant, is_messagepack,
        read_variant, write_variant,
    },
};

#[cfg(feature = "client")]
pub use crate::client::{Answer, Argument, Lent, Outgoing, Proxy, Uploadable, Uploaded, upload};
pub use crate::{__client, __server};

pub use futures_core::Stream;

use crate::{
    connection::Receiver,
    hub::{Contract, Hub, Invoking, Kind, Method, Sending, Single, Target},
    hub_error::HubError,
    protocol::Arguments,
};

/// What an expansion has for clients only. Only we know our features: a crate that is expanded in has others.
#[cfg(feature = "client")]
#[doc(hidden)]
#[macro_export]
macro_rules! __client {
    ($($item:tt)*) => { $($item)* };
}

#[cfg(not(feature = "client"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __client {
    ($($item:tt)*) => {};
}

/// What an expansion has for servers only.
#[cfg(feature = "server")]
#[doc(hidden)]
#[macro_export]
macro_rules! __server {
    ($($item:tt)*) => { $($item)* };
}

#[cfg(not(feature = "server"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __server {
    ($($item:tt)*) => {};
}

/// An entry of a dispatch table.
pub const fn method<H: Hub>(
    name: &'static str,
    params: &'static [&'static str],
    uploads: usize,
    kind: Kind,
    run: Run<H>,
) -> Method<H> {
    Method {
        name,
        params,
        uploads,
        kind,
        run,
    }
}

#[expect(clippy::needless_pass_by_value, reason = "a tuple made for the call")]
pub fn send<T: Target, A: Arguments>(target: &T, method: &'static str, arguments: A) -> Sending {
    target.send(method, &arguments)
}

#[expect(clippy::needless_pass_by_value, reason = "a tuple made for the call")]
pub fn invoke<R: HubArg + 'static, A: Arguments>(
    target: &Single,
    method: &'static str,
    arguments: A,
) -> Invoking<R> {
    target.invoke(method, &arguments)
}

/// What an answer on the client side is made of.
pub fn reply<T: HubResult + Send + 'static>(value: T) -> Result<Reply, HubError> {
    Ok(Reply::value(value))
}

pub fn no_reply() -> Result<Reply, HubError> {
    Ok(Reply::nothing())
}

pub fn reply_result<T: HubResult + Send + 'static, E: IntoHubError>(
    result: Result<T, E>,
) -> Result<Reply, HubError> {
    result
        .map(Reply::value)
        .map_err(IntoHubError::into_hub_error)
}

/// Leads from a `#[receiver]` trait to its proxies.
#[diagnostic::on_unimplemented(
    message = "this trait says nothing about what a client can receive",
    label = "a trait without `#[receiver]`",
    note = "put `#[signalr::receiver]` on the trait that is named here"
)]
pub trait ClientTrait {
    type Contract: Contract;
}

/// Leads from a `#[receiver]` trait to the registration of its handlers.
#[diagnostic::on_unimplemented(
    message = "this trait says nothing about what a client can receive",
    label = "a trait without `#[receiver]`",
    note = "put `#[signalr::receiver]` on the trait as well as on the `impl`"
)]
pub trait Register<T> {
    fn register(this: Arc<T>, on: &mut Handlers);
}

/// Leads from a `#[hub]` trait to its dispatch table.
#[diagnostic::on_unimplemented(
    message = "this trait says nothing about what clients can call",
    label = "a trait without `#[hub]`",
    note = "put `#[signalr::hub]` on the trait as well as on the `impl`, and switch the feature `server` of signalr on"
)]
pub trait Contracted {
    /// `Marker<Self>`: an argument's type, through which the table is found.
    type Itself;
}

/// The dispatch table of a hub that implements a `#[hub]` trait.
pub trait Methods<H: Hub> {
    const METHODS: &'static [Method<H>];
}

pub const fn methods<C: Methods<H> + ?Sized, H: Hub>(_: fn(Marker<C>)) -> &'static [Method<H>] {
    C::METHODS
}

/// Finds out whether a value whose type is spelt like a plain one is a `Result` behind an alias.
///
/// The inherent method exists for results only and wins over the trait's; its bound is never met.
#[derive(Debug)]
pub struct Returned<T>(pub T);

impl<T, E> Returned<Result<T, E>> {
    pub fn __written_out(self)
    where
        Result<T, E>: WrittenOut,
    {
    }
}

pub trait Plain {
    type Value;
    fn __written_out(self) -> Self::Value;
}

impl<T> Plain for Returned<T> {
    type Value = T;

    fn __written_out(self) -> T {
        self.0
    }
}

/// Implemented by nothing.
#[diagnostic::on_unimplemented(
    message = "this type is another name for a `Result`",
    label = "write `Result<T, E>` here",
    note = "the macro reads types as they are written, and would send this one as a value: `{{\"Ok\": …}}`"
)]
pub trait WrittenOut {}

/// A `Result` under a name that ends so, such as `io::Result` or `ApiResult<T>`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is named like a `Result`, but is none",
    label = "read as a `Result`, because its name ends so",
    note = "give the type another name, or return it inside a `Result<…, HubError>`"
)]
pub trait Outcome {
    type Value;
    type Error;
    fn into_result(self) -> Result<Self::Value, Self::Error>;
}

impl<T, E> Outcome for Result<T, E> {
    type Value = T;
    type Error = E;

    fn into_result(self) -> Self {
        self
    }
}

pub fn result<R: Outcome>(out: R) -> Result<R::Value, R::Error> {
    out.into_result()
}

/// The session of a hub without `on_connected`.
#[diagnostic::on_unimplemented(
    message = "nothing makes the session `{Self}`",
    label = "neither `on_connected` nor `Default` makes it",
    note = "derive `Default` for it, or write `async fn on_connected(&self, cx: &Connecting<Self>) -> Result<{Self}, HubError>` in the hub"
)]
pub trait DefaultSession: Sized {
    fn default_session() -> Self;
}

#[diagnostic::do_not_recommend]
impl<T: Default> DefaultSession for T {
    fn default_session() -> Self {
        T::default()
    }
}

/// A receiver that a hub method returns as its stream of items.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no stream of results",
    label = "not a receiver that can be streamed",
    note = "return `impl Stream<Item = T>`, `signalr::Receiver<T>` or `tokio::sync::mpsc::Receiver<T>`"
)]
pub trait Received {
    type Item;
    fn into_stream(self) -> impl Stream<Item = Result<Self::Item, HubError>> + Send;
}

impl<T: Send + 'static> Received for Receiver<T> {
    type Item = T;

    fn into_stream(self) -> impl Stream<Item = Result<T, HubError>> + Send {
        futures_util::StreamExt::map(self, |item| item.map_err(HubError::from))
    }
}

impl<T: Send + 'static> Received for tokio::sync::mpsc::Receiver<T> {
    type Item = T;

    fn into_stream(mut self) -> impl Stream<Item = Result<T, HubError>> + Send {
        futures_util::stream::poll_fn(move |cx| self.poll_recv(cx).map(|item| item.map(Ok)))
    }
}

pub fn received<R: Received>(receiver: R) -> impl Stream<Item = Result<R::Item, HubError>> + Send {
    receiver.into_stream()
}
