//! Closures that a server can call.

use crate::{
    connection::{Args, BindError},
    hub_error::HubError,
    protocol::{HubArg, HubResult},
};

/// A closure that can handle a message of the server: asynchronous, of up to 8 [arguments](HandlerArgument).
///
/// Implemented for closures and functions; `A` is the tuple of their arguments.
///
/// That what a closure keeps is `Send`, `Sync` and `'static`, and its future `Send`, is asked for where it is registered, not here: so
/// the compiler names what is not. A function that passes handlers on repeats the bounds of [`HubConnection::on`](crate::HubConnection::on).
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot handle a message",
    label = "not an asynchronous closure whose arguments are known",
    note = "write `|text: String| async move {{ … }}`: up to 8 arguments, owned (`String`, not `&str`), their types named",
    note = "it is called for every message: what its future needs is cloned in it, `move |text: String| {{ let kept = kept.clone(); async move {{ … }} }}`, and what changes is behind a `Mutex`"
)]
pub trait EventHandler<A> {
    #[doc(hidden)]
    type Future: Future;
    #[doc(hidden)]
    fn call(&self, arguments: A) -> Self::Future;
}

/// A closure that can answer the server: as [`EventHandler`], with a result `Result<R, HubError>` whose `R` is a [`HandlerResult`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot answer the server",
    label = "not an asynchronous closure that gives a `Result<R, HubError>` and whose arguments are known",
    note = "write `|question: String| async move {{ Ok(…) }}`: up to 8 arguments, owned (`String`, not `&str`), their types named; the result is a `Result<R, HubError>`",
    note = "it is called for every question: what its future needs is cloned in it, `move |question: String| {{ let kept = kept.clone(); async move {{ … }} }}`, and what changes is behind a `Mutex`"
)]
pub trait ResultHandler<A, R> {
    #[doc(hidden)]
    type Future: Future<Output = Result<R, HubError>>;
    #[doc(hidden)]
    fn call(&self, arguments: A) -> Self::Future;
}

/// The arguments of a handler, as a tuple.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a list of a handler's arguments",
    label = "not a tuple of arguments that can be read from a message"
)]
pub trait HandlerArguments: Sized + Send + 'static {
    #[doc(hidden)]
    const COUNT: usize;
    #[doc(hidden)]
    fn read(args: &mut Args<'_>) -> Result<Self, BindError>;
}

/// A type that a handler can take: anything that implements `serde::Deserialize` without borrowing, and `Send`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be read from a message of the server",
    label = "a handler's argument is a `{Self}`, which cannot be read",
    note = "what a handler takes is owned (`String`, not `&str`) and must implement `serde::Deserialize` and `Send`: put `#[derive(serde::Deserialize)]` on a type of yours"
)]
pub trait HandlerArgument: HubArg + 'static {}

#[diagnostic::do_not_recommend]
impl<T: HubArg + 'static> HandlerArgument for T {}

/// A type with which a handler can answer: anything that implements `serde::Serialize` and `Send`, and borrows nothing.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be sent as an answer to the server",
    label = "a handler answers with a `{Self}`, which cannot be sent",
    note = "what a handler answers must implement `serde::Serialize` and `Send`: put `#[derive(serde::Serialize)]` on a type of yours"
)]
pub trait HandlerResult: HubResult + Send + 'static {}

#[diagnostic::do_not_recommend]
impl<T: HubResult + Send + 'static> HandlerResult for T {}

macro_rules! closures {
    ($($name:ident)*) => {
        impl<$($name: HandlerArgument),*> HandlerArguments for ($($name,)*) {
            const COUNT: usize = 0 $(+ closures!(@one $name))*;

            fn read(args: &mut Args<'_>) -> Result<Self, BindError> {
                let all = ($(args.next::<$name>(stringify!($name))?,)*);
                args.finish()?;
                Ok(all)
            }
        }

        #[diagnostic::do_not_recommend]
        impl<T, F, $($name),*> EventHandler<($($name,)*)> for T
        where
            T: Fn($($name),*) -> F,
            F: Future,
        {
            type Future = F;

            #[allow(non_snake_case, reason = "one name for type and value")]
            fn call(&self, ($($name,)*): ($($name,)*)) -> F {
                self($($name),*)
            }
        }

        #[diagnostic::do_not_recommend]
        impl<T, F, R, $($name),*> ResultHandler<($($name,)*), R> for T
        where
            T: Fn($($name),*) -> F,
            F: Future<Output = Result<R, HubError>>,
        {
            type Future = F;

            #[allow(non_snake_case, reason = "one name for type and value")]
            fn call(&self, ($($name,)*): ($($name,)*)) -> F {
                self($($name),*)
            }
        }
        closures!(@shorter $($name)*);
    };
    (@one $name:ident) => { 1 };
    (@shorter) => {};
    (@shorter $first:ident $($name:ident)*) => { closures!($($name)*); };
}

closures!(A B C D E G H I);
