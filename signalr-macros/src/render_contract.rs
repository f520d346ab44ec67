//! From a [`ContractModel`] to the trait that hubs implement, its dispatch table, and the proxy for clients.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::{
    AngleBracketedGenericArguments, GenericArgument, Generics, PathArguments, ReturnType, Type,
    TypeParamBound, ext::IdentExt, parse_quote, spanned::Spanned,
};

use crate::{
    model::{Arg, ContractMethod, ContractModel, HubMethod, Yields},
    render::{self, private},
    render_hub,
    render_proxy::{self, Hub},
    types::{arguments, last, with_all_lifetimes},
    validate,
};

pub(crate) fn render(model: &ContractModel) -> TokenStream {
    let contract = declaration(model);
    let table = (!model.broken).then(|| table(model));
    let proxy = render_proxy::render(&Hub {
        name: model.item.ident.unraw().to_string(),
        proxy: &model.proxy,
        attrs: validate::inherited(&model.item.attrs),
        generics: &Generics::default(),
        this: None,
        methods: callable(model).collect(),
    });
    quote!(#contract #table #proxy)
}

fn callable(model: &ContractModel) -> impl Iterator<Item = &HubMethod> {
    model
        .methods
        .iter()
        .filter_map(|method| method.callable.as_ref())
}

/// The trait as hubs implement it: with plain `async fn`s. Some clients have it for nothing but its proxy.
fn declaration(model: &ContractModel) -> TokenStream {
    let item = &model.item;
    let (attrs, vis, unsafety, ident) = (&item.attrs, &item.vis, &item.unsafety, &item.ident);
    let (generics, bounds) = (&item.generics, &item.generics.where_clause);
    let methods = model.methods.iter().map(declared);
    quote_spanned! {ident.span()=>
        #(#attrs)*
        #[allow(dead_code)]
        #vis #unsafety trait #ident #generics #bounds { #(#methods)* }
    }
}

fn declared(method: &ContractMethod) -> TokenStream {
    let attrs = &method.attrs;
    let silent = method
        .callable
        .is_none()
        .then(|| quote!(#[allow(unused_variables)]));
    let mut sig = method.sig.clone();
    let span = sig.ident.span();
    if let ReturnType::Type(_, ty) = &mut sig.output {
        sendable(ty);
    }
    if sig.asyncness.take().is_some() {
        let output = match &sig.output {
            ReturnType::Type(_, ty) => ty.to_token_stream(),
            ReturnType::Default => quote!(()),
        };
        sig.output = syn::parse_quote_spanned! {span=>
            -> impl ::core::future::Future<Output = #output> + ::core::marker::Send
        };
    }
    // A hub is sized, which keeps `dyn` of this trait legal: so the table is found.
    let bounds = sig.generics.make_where_clause();
    let hub = syn::parse_quote_spanned!(span=> Self: ::signalr::Hub);
    bounds.predicates.push(hub);
    quote!(#(#attrs)* #silent #sig;)
}

/// What is returned as `impl Trait` is sent to the task of a connection.
fn sendable(ty: &mut Type) {
    match ty {
        Type::ImplTrait(imp) => {
            let is_send = |bound: &TypeParamBound| matches!(bound, TypeParamBound::Trait(bound) if bound.path.segments.last().is_some_and(|segment| segment.ident == "Send"));
            if !imp.bounds.iter().any(is_send) {
                imp.bounds.push(parse_quote!(::core::marker::Send));
            }
        }
        Type::Path(path) => {
            for segment in &mut path.path.segments {
                if let PathArguments::AngleBracketed(AngleBracketedGenericArguments {
                    args, ..
                }) = &mut segment.arguments
                {
                    args.iter_mut().for_each(|arg| {
                        if let GenericArgument::Type(ty) = arg {
                            sendable(ty);
                        }
                    });
                }
            }
        }
        Type::Group(group) => sendable(&mut group.elem),
        Type::Paren(paren) => sendable(&mut paren.elem),
        _ => {}
    }
}

fn table(model: &ContractModel) -> TokenStream {
    let ident = &model.item.ident;
    let attrs = validate::inherited(&model.item.attrs);
    let span = ident.span();
    let private = private(span);
    let (hub, place) = (quote!(__H), quote!(<__H as #ident>));
    let entries = callable(model).map(|method| render_hub::entry(method, &hub, &place));
    let bounds = callable(model).flat_map(bounds);
    let allowed = render::allowed();
    quote_spanned! {span=>
        #private::__server! {
            #(#attrs)*
            #[automatically_derived]
            impl #private::Contracted for dyn #ident {
                type Itself = #private::Marker<dyn #ident>;
            }

            #(#attrs)*
            #[automatically_derived]
            #allowed
            impl<__H: #ident + ::signalr::Hub> #private::Methods<__H> for dyn #ident
            where #(#bounds,)*
            {
                const METHODS: &'static [::signalr::Method<__H>] = &[#(#entries),*];
            }
        }
    }
}

/// Asked for where a hub implements the trait, not where the trait stands: who only calls hubs need not read what they read.
fn bounds(method: &HubMethod) -> Vec<TokenStream> {
    // A bound can't be conditional.
    if !method.cfgs.is_empty() {
        return Vec::new();
    }
    let reads = method.args.iter().filter_map(|arg| match arg {
        Arg::Wire { wire, .. } => Some(deferred(&wire.ty, "HubArg")),
        Arg::Upload { ty, .. } => {
            let item = last(ty).and_then(|segment| arguments(segment).next());
            item.map(|item| deferred(item, "HubArg"))
        }
        Arg::Context | Arg::Cancellation { .. } => None,
    });
    let answer = match &method.outcome.yields {
        Yields::Unit => None,
        Yields::Value(ty) => Some(ty),
        Yields::Items(items) => Some(&items.item),
        Yields::Received(ty) => last(ty).and_then(|segment| arguments(segment).next()),
    };
    let writes = answer.map(|ty| deferred(ty, "HubResult"));
    reads.chain(writes).collect()
}

fn deferred(ty: &Type, bound: &str) -> TokenStream {
    let span = ty.span();
    let bound = Ident::new(bound, span);
    let private = private(span);
    let ty = with_all_lifetimes(ty, "defer");
    quote_spanned!(span=> for<'defer> #ty: #private::#bound)
}
