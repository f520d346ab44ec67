//! Closures that a server can call.

use std::sync::Arc;

use crate::{
    connection::{Args, BindError, BoxFuture, Reply},
    hub_error::HubError,
    protocol::{HubArg, HubResult},
};

type Run = Result<BoxFuture<Result<Reply, HubError>>, BindError>;

/// A closure that can handle a message of the server: asynchronous, of up to 8 arguments that implement `serde::Deserialize`.
///
/// Implemented for closures; `A` is the tuple of their arguments.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot handle a message",
    label = "not an asynchronous closure of deserializable arguments",
    note = "write `|text: String| async move {{ … }}`: the arguments owned, their types named, the result `()`"
)]
pub trait EventHandler<A>: Send + Sync + 'static {
    #[doc(hidden)]
    const PARAMS: usize;
    #[doc(hidden)]
    fn run(self: &Arc<Self>, args: &mut Args<'_>) -> Run;
}

/// A closure that can answer the server: as [`EventHandler`], with a result `Result<R, HubError>` whose `R` is serializable.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot answer the server",
    label = "not an asynchronous closure with a result",
    note = "write `|question: String| async move {{ Ok(…) }}`: the arguments owned, their types named, the result `Result<R, HubError>`"
)]
pub trait ResultHandler<A, R>: Send + Sync + 'static {
    #[doc(hidden)]
    const PARAMS: usize;
    #[doc(hidden)]
    fn run(self: &Arc<Self>, args: &mut Args<'_>) -> Run;
}

macro_rules! closures {
    ($($name:ident)*) => {
        #[diagnostic::do_not_recommend]
        impl<T, F, $($name: HubArg + 'static),*> EventHandler<($($name,)*)> for T
        where
            T: Fn($($name),*) -> F + Send + Sync + 'static,
            F: Future<Output = ()> + Send + 'static,
        {
            const PARAMS: usize = 0 $(+ closures!(@one $name))*;

            #[allow(non_snake_case, reason = "one name for type and value")]
            fn run(self: &Arc<Self>, args: &mut Args<'_>) -> Run {
                $(let $name = args.next::<$name>(stringify!($name))?;)*
                args.finish()?;
                // The closure too is called in its turn.
                let this = Arc::clone(self);
                Ok(Box::pin(async move {
                    this($($name),*).await;
                    Ok(Reply::nothing())
                }))
            }
        }

        #[diagnostic::do_not_recommend]
        impl<T, F, R, $($name: HubArg + 'static),*> ResultHandler<($($name,)*), R> for T
        where
            T: Fn($($name),*) -> F + Send + Sync + 'static,
            F: Future<Output = Result<R, HubError>> + Send + 'static,
            R: HubResult + Send + 'static,
        {
            const PARAMS: usize = 0 $(+ closures!(@one $name))*;

            #[allow(non_snake_case, reason = "one name for type and value")]
            fn run(self: &Arc<Self>, args: &mut Args<'_>) -> Run {
                $(let $name = args.next::<$name>(stringify!($name))?;)*
                args.finish()?;
                let this = Arc::clone(self);
                Ok(Box::pin(async move { this($($name),*).await.map(Reply::value) }))
            }
        }
        closures!(@shorter $($name)*);
    };
    (@one $name:ident) => { 1 };
    (@shorter) => {};
    (@shorter $first:ident $($name:ident)*) => { closures!($($name)*); };
}

closures!(A B C D E G H I);
