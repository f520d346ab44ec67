//! Argument lists on their way out: tuples of serializable values.

use serde::Serialize;

use super::ValueWriter;
use crate::error::Error;

/// The arguments of a call to a client: a tuple of up to 16 values that implement `serde::Serialize`.
///
/// # Example
///
/// ```
/// # use signalr::{Context, HubError, hub};
/// # struct Chat;
/// # #[hub]
/// # impl Chat {
/// pub async fn say(&self, cx: &Context<Self>, text: String) -> Result<(), HubError> {
///     cx.clients().all().send("said", (cx.connection_id(), &text)).await?;
///     cx.clients().caller().send("done", ()).await?;
///     Ok(())
/// }
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a list of arguments",
    label = "not a tuple of serializable values",
    note = "pass the arguments as a tuple, with a comma even if it is one: `(text,)`; none is `()`"
)]
pub trait Arguments {
    #[doc(hidden)]
    fn write(&self, writer: &mut ValueWriter<'_>) -> Result<(), Error>;
}

macro_rules! tuples {
    ($($name:ident)*) => {
        #[diagnostic::do_not_recommend]
        impl<$($name: Serialize),*> Arguments for ($($name,)*) {
            #[allow(non_snake_case, unused_mut, unused_variables, reason = "the empty tuple uses neither")]
            fn write(&self, writer: &mut ValueWriter<'_>) -> Result<(), Error> {
                let ($($name,)*) = self;
                writer.open_list(0 $(+ tuples!(@one $name))*);
                let mut first = true;
                $(
                    writer.separator(std::mem::take(&mut first));
                    writer.value($name)?;
                )*
                writer.close_list();
                Ok(())
            }
        }
        tuples!(@shorter $($name)*);
    };
    (@one $name:ident) => { 1 };
    (@shorter) => {};
    (@shorter $first:ident $($name:ident)*) => { tuples!($($name)*); };
}

tuples!(A B C D E F G H I J K L M N O P);

/// A list of arguments that was read before, written again as it is.
#[cfg(test)]
impl Arguments for super::Payload<'_> {
    fn write(&self, writer: &mut ValueWriter<'_>) -> Result<(), Error> {
        super::HubResult::write(self, writer)
    }
}
