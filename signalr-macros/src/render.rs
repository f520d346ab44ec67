//! What all expansions have in common.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{Type, spanned::Spanned};

use crate::{
    classify::could_be_alias,
    model::{Fallible, Lend, Wire},
    types::{find, is_word, with_lifetimes},
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

/// `let __result = out;`, and the `__result`, or what `Outcome` makes of it when only its name says
/// that it is one.
pub(crate) fn result(out: &TokenStream, fallible: &Fallible) -> (TokenStream, TokenStream) {
    let span = fallible.error.as_ref().unwrap_or(&fallible.ty).span();
    let name = Ident::new("__result", span);
    let bind = quote_spanned!(span=> let #name = #out;);
    let private = private(span);
    let value = match fallible.by_name {
        true => quote_spanned!(span=> #private::result(#name)),
        false => quote!(#name),
    };
    (bind, value)
}

/// The variable for what a method has returned. A check of it fails at the type, so it has to stand
/// there in every respect, hygiene included: rustc shows no code of ours, but its attribute.
pub(crate) fn returned(ty: &Type) -> Ident {
    Ident::new("__out", ty.span())
}

/// `out`, with a check that it is no `Result` under another name.
pub(crate) fn plain_value(out: &Ident, ty: &Type) -> TokenStream {
    if could_be_alias(ty) {
        let span = ty.span();
        let private = private(span);
        quote_spanned! {span=> {
            #[allow(unused_imports)]
            use #private::Plain as _;
            #private::Returned(#out).__written_out()
        }}
    } else {
        quote!(#out)
    }
}

/// The same check for the items of a stream: a closure that is never called.
pub(crate) fn plain_items(item: &Type) -> TokenStream {
    if !could_be_alias(item) || find(item, &|token| is_word(token, "impl")).is_some() {
        return TokenStream::new();
    }
    let name = Ident::new("__item", item.span());
    let value = plain_value(&name, item);
    let ty = with_lifetimes(item, "_");
    quote_spanned!(item.span()=> let _ = |#name: #ty| #value;)
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
