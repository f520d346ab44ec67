//! What a client passes to a method: values, and streams that are uploaded.

use futures_core::Stream;
use serde::Serialize;

use crate::{
    connection::Outflows,
    error::Error,
    protocol::{Arguments, HubResult, ValueWriter},
};

/// The arguments of a call: a tuple of up to 16 serializable values and [uploads](upload), in any order.
///
/// # Example
///
/// ```no_run
/// # async fn run(connection: signalr::HubConnection) -> Result<(), signalr::Error> {
/// connection.send("say", ("general", "hi")).await?;
/// let numbers = futures_util::stream::iter(0..10);
/// let sum: u64 = connection.invoke("sum", (signalr::upload(numbers), "a label")).await?;
/// # Ok(())
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a list of arguments",
    label = "not a tuple of serializable values and uploads",
    note = "pass the arguments as a tuple, with a comma even if it is one: `(text,)`; none is `()`; a stream is passed as `upload(stream)`"
)]
pub trait CallArguments {
    #[doc(hidden)]
    fn write(&self, writer: &mut ValueWriter<'_>) -> Result<(), Error>;
    #[doc(hidden)]
    fn uploads(&mut self) -> Outgoing;
}

/// One argument of a call: a serializable value, or an [`upload`].
pub trait CallArgument {
    /// Whether it stands among the arguments; an upload does not.
    #[doc(hidden)]
    const IS_VALUE: bool;
    #[doc(hidden)]
    fn write(&self, writer: &mut ValueWriter<'_>) -> Result<(), Error>;
    #[doc(hidden)]
    fn upload(&mut self, into: &mut Outgoing);
}

/// The uploads of a call.
#[doc(hidden)]
#[derive(Default)]
pub struct Outgoing(pub(super) Outflows);

impl std::fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Outgoing")
    }
}

#[diagnostic::do_not_recommend]
impl<T: Serialize> CallArgument for T {
    const IS_VALUE: bool = true;

    fn write(&self, writer: &mut ValueWriter<'_>) -> Result<(), Error> {
        writer.value(self)
    }

    fn upload(&mut self, _: &mut Outgoing) {}
}

/// A stream that is an argument of a call; see [`upload`].
#[derive(Debug)]
#[must_use = "pass it to a call"]
pub struct Uploading<S>(Option<S>);

/// Makes a stream an argument: its items go to the method one by one, while the call runs.
///
/// Dropping the call, or the end of the connection, ends the upload. Where the method's other end falls behind, the stream is polled
/// no further.
///
/// # Example
///
/// ```no_run
/// # async fn run(connection: signalr::HubConnection) -> Result<(), signalr::Error> {
/// let lines = futures_util::stream::iter(["one", "two"]);
/// let count: u32 = connection.invoke("count_lines", (signalr::upload(lines),)).await?;
/// # Ok(())
/// # }
/// ```
pub fn upload<S>(items: S) -> Uploading<S>
where
    S: Stream<Item: HubResult> + Send + 'static,
{
    Uploading(Some(items))
}

impl<S: Stream<Item: HubResult> + Send + 'static> CallArgument for Uploading<S> {
    const IS_VALUE: bool = false;

    fn write(&self, _: &mut ValueWriter<'_>) -> Result<(), Error> {
        Ok(())
    }

    fn upload(&mut self, into: &mut Outgoing) {
        if let Some(items) = self.0.take() {
            into.0.add(items);
        }
    }
}

/// The values among the arguments.
pub(super) struct Values<A>(pub(super) A);

impl<A: CallArguments> Arguments for Values<A> {
    fn write(&self, writer: &mut ValueWriter<'_>) -> Result<(), Error> {
        self.0.write(writer)
    }
}

macro_rules! tuples {
    ($($name:ident)*) => {
        #[diagnostic::do_not_recommend]
        impl<$($name: CallArgument),*> CallArguments for ($($name,)*) {
            #[allow(non_snake_case, unused_mut, unused_variables, unused_assignments, reason = "the empty tuple uses none")]
            fn write(&self, writer: &mut ValueWriter<'_>) -> Result<(), Error> {
                let ($($name,)*) = self;
                writer.open_list(0 $(+ usize::from($name::IS_VALUE))*);
                let mut first = true;
                $(
                    if $name::IS_VALUE {
                        writer.separator(std::mem::take(&mut first));
                        CallArgument::write($name, writer)?;
                    }
                )*
                writer.close_list();
                Ok(())
            }

            #[allow(non_snake_case, unused_mut, reason = "the empty tuple uploads nothing")]
            fn uploads(&mut self) -> Outgoing {
                let ($($name,)*) = self;
                let mut uploads = Outgoing::default();
                $($name.upload(&mut uploads);)*
                uploads
            }
        }
        tuples!(@shorter $($name)*);
    };
    (@shorter) => {};
    (@shorter $first:ident $($name:ident)*) => { tuples!($($name)*); };
}

tuples!(A B C D E F G H I J K L M N O P);
