//! From a [`ReceiverModel`] to the trait, and the proxy through which a server calls clients.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::{Attribute, ReturnType, Type, Visibility, ext::IdentExt, spanned::Spanned};

use crate::{
    model::{ReceiverMethod, ReceiverModel, Yields},
    render::{self, private},
    render_register,
    types::{with_all_lifetimes, with_lifetimes},
    validate,
};

pub(crate) fn render(model: &ReceiverModel) -> TokenStream {
    let contract = declaration(model);
    let proxy = proxy(model);
    let bridge = if model.broken {
        TokenStream::new()
    } else {
        render_register::render(model)
    };
    quote!(#contract #proxy #bridge)
}

/// The trait as clients implement it: with plain `async fn`s.
fn declaration(model: &ReceiverModel) -> TokenStream {
    let item = &model.item;
    let (attrs, vis, unsafety, ident) = (&item.attrs, &item.vis, &item.unsafety, &item.ident);
    let (generics, bounds) = (&item.generics, &item.generics.where_clause);
    let methods = model.methods.iter().map(|method| {
        let attrs = &method.attrs;
        let silent = method.broken.then(|| quote!(#[allow(unused_variables)]));
        let mut sig = method.sig.clone();
        sig.asyncness = None;
        let output = match &sig.output {
            ReturnType::Type(_, ty) => ty.to_token_stream(),
            ReturnType::Default => quote!(()),
        };
        let span = sig.ident.span();
        sig.output = syn::parse_quote_spanned! {span=>
            -> impl ::core::future::Future<Output = #output> + ::core::marker::Send
        };
        sig.generics.make_where_clause().predicates.push(
            // keeps `dyn` of this trait legal, which is how contracts are found
            syn::parse_quote_spanned!(span=> Self: ::core::marker::Sized),
        );
        quote!(#(#attrs)* #silent #sig;)
    });
    quote_spanned! {ident.span()=>
        #(#attrs)*
        #vis #unsafety trait #ident #generics: ::core::marker::Send + ::core::marker::Sync + 'static
        #bounds
        { #(#methods)* }
    }
}

pub(crate) fn proxy_name(model: &ReceiverModel) -> Ident {
    let ident = &model.item.ident;
    format_ident!("{}Proxy", ident.unraw(), span = ident.span())
}

fn proxy(model: &ReceiverModel) -> TokenStream {
    let name = proxy_name(model);
    let (vis, cfgs) = (&model.item.vis, validate::cfgs(&model.item.attrs));
    let doc = format!(
        "Sends the messages of [`{}`] to clients.",
        model.item.ident.unraw()
    );
    let allowed = render::allowed();
    let answers = |method: &&ReceiverMethod| !matches!(method.outcome.yields, Yields::Unit);
    let (invokes, sends): (Vec<_>, Vec<_>) = model.methods.iter().partition(answers);
    let sends = sends.into_iter().map(|method| message(method, vis));
    let invokes = invokes.into_iter().map(|method| message(method, vis));
    quote_spanned! {model.item.ident.span()=>
        #(#cfgs)*
        #[doc = #doc]
        #[derive(::core::clone::Clone, ::core::fmt::Debug)]
        #vis struct #name<T = ::signalr::Many>(T);

        #(#cfgs)*
        #[automatically_derived]
        impl ::signalr::Contract for #name {
            type Proxy<__T: ::signalr::Target> = #name<__T>;
            fn proxy<__T: ::signalr::Target>(target: __T) -> #name<__T> {
                #name(target)
            }
        }

        #(#cfgs)*
        #allowed
        #[allow(dead_code)]
        impl<__T: ::signalr::Target> #name<__T> { #(#sends)* }

        #(#cfgs)*
        #allowed
        #[allow(dead_code)]
        impl #name<::signalr::Single> { #(#invokes)* }
    }
}

/// A method of the proxy: it encodes at once, and sends when awaited.
fn message(method: &ReceiverMethod, vis: &Visibility) -> TokenStream {
    let ReceiverMethod { sig, wire, .. } = method;
    let (ident, span) = (&sig.ident, sig.ident.span());
    let private = private(span);
    let attrs = attributes(method);
    let silent = method.broken.then(|| quote!(#[allow(unused_variables)]));
    let generics = &sig.generics;
    let inputs = validate::typed(sig);
    let (output, function, mut bounds) = match &method.outcome.yields {
        Yields::Value(ty) => {
            let owned = with_lifetimes(ty, "defer");
            let bound = quote_spanned!(ty.span()=> for<'defer> #owned: #private::CallResult);
            (
                quote!(::signalr::Invoking<#ty>),
                quote!(invoke),
                vec![bound],
            )
        }
        _ => (quote!(::signalr::Sending), quote!(send), Vec::new()),
    };
    let mut values = Vec::new();
    if !method.broken {
        values.extend(method.params.iter().map(|param| &param.ident));
        bounds.extend(method.params.iter().map(|param| serialized(&param.ty)));
    }
    let bounds = (!bounds.is_empty()).then(|| quote!(where #(#bounds),*));
    quote_spanned! {span=>
        #(#attrs)*
        #silent
        #vis fn #ident #generics (&self, #(#inputs),*) -> #output #bounds {
            #private::#function(&self.0, #wire, (#(#values,)*))
        }
    }
}

/// Asked for where the message is sent, not where the trait stands: a type that servers don't
/// send need not be one that they can.
fn serialized(ty: &Type) -> TokenStream {
    let private = private(ty.span());
    let all = with_all_lifetimes(ty, "defer");
    quote_spanned!(ty.span()=> for<'defer> #all: #private::Serialize)
}

/// The user's words about the message, its conditions, and its deprecation.
fn attributes(method: &ReceiverMethod) -> Vec<TokenStream> {
    let copied = |attr: &&Attribute| {
        ["doc", "cfg", "deprecated"]
            .iter()
            .any(|name| attr.path().is_ident(name))
    };
    let is_doc = |attr: &Attribute| attr.path().is_ident("doc");
    let mut attrs: Vec<_> = method
        .attrs
        .iter()
        .filter(copied)
        .map(|a| quote!(#a))
        .collect();
    if !method.attrs.iter().any(is_doc) {
        let doc = format!("Sends `{}`.", method.wire);
        attrs.push(quote!(#[doc = #doc]));
    }
    attrs
}
