//! What all expansions have in common.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{Type, spanned::Spanned};

use crate::{
    classify::could_be_alias,
    model::{Fallible, Lend, Wire},
    types::with_lifetimes,
};

/// The runtime's module for expansions. It is named after the version, so that macros and
/// runtime of different versions can't meet, and nobody else leans on it.
pub(crate) fn private(span: Span) -> TokenStream {
    let module = concat!(
        "__private_",
        env!("CARGO_PKG_VERSION_MAJOR"),
        "_",
        env!("CARGO_PKG_VERSION_MINOR"),
        "_",
        env!("CARGO_PKG_VERSION_PATCH"),
    );
    let module = Ident::new(module, span);
    quote_spanned!(span=> ::signalr::#module)
}

/// A local variable of ours: it never meets a name of the user's, and mistakes that show at it
/// are shown at `span`.
pub(crate) fn local(name: &str, span: Span) -> Ident {
    Ident::new(name, Span::mixed_site().located_at(span))
}

/// The variable that holds the argument at `place`.
pub(crate) fn slot(place: usize, span: Span) -> Ident {
    local(&format!("__arg{place}"), span)
}

/// `let __arg0 = __args.next::<T>("name")?;`
pub(crate) fn next(place: usize, name: &str, wire: &Wire) -> TokenStream {
    let span = wire.ty.span();
    let (args, slot) = (local("__args", span), slot(place, span));
    let ty = with_lifetimes(&wire.ty, "_");
    quote_spanned!(span=> let #slot = #args.next::<#ty>(#name)?;)
}

/// The argument, in the form in which the method takes it.
pub(crate) fn pass(place: usize, ty: &Type, lend: Lend) -> TokenStream {
    let span = ty.span();
    let slot = slot(place, span);
    match lend {
        Lend::Given => quote!(#slot),
        Lend::Lent => quote_spanned!(span=> &#slot),
        Lend::LentInOption => quote_spanned!(span=> ::core::option::Option::as_ref(&#slot)),
        Lend::LentInOptionUnsized => {
            quote_spanned!(span=> ::core::option::Option::as_deref(&#slot))
        }
    }
}

/// `out`, or what `Outcome` makes of it when only its name says that it is a `Result`.
pub(crate) fn result(out: TokenStream, fallible: &Fallible) -> TokenStream {
    if fallible.by_name {
        let span = fallible.ty.span();
        let private = private(span);
        quote_spanned!(span=> #private::result(#out))
    } else {
        out
    }
}

/// `out`, with a check that it is no `Result` under another name.
pub(crate) fn plain_value(out: &Ident, ty: &Type) -> TokenStream {
    if could_be_alias(ty) {
        let span = ty.span();
        let private = private(span);
        quote_spanned! {span=> {
            use #private::Plain as _;
            #private::Returned(#out).__written_out()
        }}
    } else {
        quote!(#out)
    }
}

/// The lints that judge generated code by the standards of written code.
pub(crate) fn allowed() -> TokenStream {
    quote! {
        #[allow(
            deprecated,
            single_use_lifetimes,
            unreachable_code,
            unused_lifetimes,
            unused_qualifications,
            clippy::all,
            clippy::pedantic,
            clippy::nursery,
            clippy::restriction
        )]
    }
}
