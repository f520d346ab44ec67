//! A method of a hub as its proxy has it.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::{Attribute, Type, Visibility, spanned::Spanned};

use crate::{
    model::{Arg, HubMethod, Yields},
    owned::owned,
    render::private,
    types::{
        arguments, find, is_word, last, peel, replace_self, with_all_lifetimes, with_lifetimes,
    },
};

/// A method that answers once.
pub(crate) fn call(method: &HubMethod, this: Option<&Type>, vis: &Visibility) -> TokenStream {
    let answer = match &method.outcome.yields {
        Yields::Value(ty) => Some(ty),
        _ => None,
    };
    let mut parts = Parts::new(method, this);
    let answer = parts.answer(answer, this);
    let span = method.ident.span();
    let output = quote_spanned!(span=> <__M as ::signalr::CallMode>::Answer<#answer>);
    parts.render(method, vis, &quote!(call), &answer, &output)
}

/// A method that answers with a stream.
pub(crate) fn stream(method: &HubMethod, this: Option<&Type>, vis: &Visibility) -> TokenStream {
    let item = match &method.outcome.yields {
        Yields::Items(items) => Some(&items.item),
        Yields::Received(ty) => last(ty).and_then(|segment| arguments(segment).next()),
        _ => None,
    };
    let mut parts = Parts::new(method, this);
    let item = parts.answer(item, this);
    let span = method.ident.span();
    let output = quote_spanned!(span=> ::signalr::ItemStream<#item>);
    parts.render(method, vis, &quote!(stream), &item, &output)
}

#[derive(Default)]
struct Parts {
    /// The result's type, where the caller has to name it.
    generics: Option<Ident>,
    params: Vec<TokenStream>,
    values: Vec<TokenStream>,
    /// Asked for where the method is called, not where the hub stands: a type that no client in Rust sends need not be one that
    /// can be sent.
    bounds: Vec<TokenStream>,
}

impl Parts {
    fn new(method: &HubMethod, this: Option<&Type>) -> Self {
        let mut parts = Self::default();
        for arg in &method.args {
            match arg {
                Arg::Context | Arg::Cancellation { .. } => {}
                Arg::Wire { ident, ty, .. } => parts.value(ident, ty, this),
                Arg::Upload { ident, ty } => {
                    let item = last(ty).and_then(|segment| arguments(segment).next());
                    parts.upload(ident, ty.span(), &item.map(|ty| named(ty, this)));
                }
            }
        }
        parts
    }

    fn value(&mut self, ident: &Ident, ty: &Type, this: Option<&Type>) {
        let (bounded, bound) = match peel(ty) {
            Type::Reference(to) => (&*to.elem, "Lent"),
            ty => (ty, "Argument"),
        };
        let span = bounded.span();
        let (private, bound) = (private(span), Ident::new(bound, span));
        let bounded = with_all_lifetimes(named(bounded, this), "defer");
        let written = with_lifetimes(named(ty, this), "_");
        self.params.push(quote!(#ident: #written));
        self.values.push(quote!(#ident));
        self.bounds
            .push(quote_spanned!(span=> for<'defer> #bounded: #private::#bound));
    }

    fn upload(&mut self, ident: &Ident, span: Span, item: &Option<TokenStream>) {
        let private = private(span);
        let item = with_lifetimes(item, "static");
        self.params.push(quote_spanned! {span=>
            #ident: impl #private::Uploadable<Item = #item> + ::core::marker::Send + 'static
        });
        self.values
            .push(quote_spanned!(span=> #private::upload(#ident)));
        self.bounds
            .push(quote_spanned!(span=> for<'defer> #item: #private::Uploaded));
    }

    /// The type of a result, owned; a parameter, where the hub does not tell it.
    fn answer(&mut self, ty: Option<&Type>, this: Option<&Type>) -> TokenStream {
        let Some(ty) = ty else {
            return quote!(());
        };
        let span = ty.span();
        let private = private(span);
        let untold = |token: &_| is_word(token, "impl") || is_word(token, "_");
        let answer = if find(ty, &untold).is_some() {
            let param = Ident::new("__R", span);
            self.generics = Some(param.clone());
            param.into_token_stream()
        } else {
            owned(named(ty, this))
        };
        self.bounds
            .push(quote_spanned!(span=> for<'defer> #answer: #private::Answer));
        answer
    }

    fn render(
        &self,
        method: &HubMethod,
        vis: &Visibility,
        function: &TokenStream,
        answer: &TokenStream,
        output: &TokenStream,
    ) -> TokenStream {
        let HubMethod { ident, wire, .. } = method;
        let Self {
            params,
            values,
            bounds,
            ..
        } = self;
        let attrs = attributes(method);
        let generics = self.generics.as_ref().map(|param| quote!(<#param>));
        let bounds = (!bounds.is_empty()).then(|| quote!(where #(#bounds),*));
        quote_spanned! {ident.span()=>
            #(#attrs)*
            #vis async fn #ident #generics (&self, #(#params),*)
            -> ::core::result::Result<#output, ::signalr::Error>
            #bounds
            {
                self.0.#function::<#answer, _>(#wire, (#(#values,)*)).await
            }
        }
    }
}

/// The type with the hub's for `Self`.
fn named(ty: &Type, this: Option<&Type>) -> TokenStream {
    match this {
        Some(this) => replace_self(ty, &this.to_token_stream()),
        None => ty.to_token_stream(),
    }
}

/// The user's words about the method, its conditions, and its deprecation.
fn attributes(method: &HubMethod) -> Vec<TokenStream> {
    let copied = |attr: &&Attribute| {
        ["doc", "cfg", "deprecated"]
            .iter()
            .any(|name| attr.path().is_ident(name))
    };
    let is_doc = |attr: &Attribute| attr.path().is_ident("doc");
    let copies = method.attrs.iter().filter(copied);
    let mut attrs: Vec<_> = copies.map(ToTokens::to_token_stream).collect();
    if !method.attrs.iter().any(is_doc) {
        let doc = format!("Calls `{}`.", method.wire);
        attrs.push(quote!(#[doc = #doc]));
    }
    attrs
}
