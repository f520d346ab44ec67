//! The type through which clients in Rust call a hub.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::{Attribute, GenericParam, Generics, Type, Visibility, parse_quote};

use crate::{
    model::{HubMethod, ProxyName, Yields},
    render::{self, private},
    render_proxy_method as method,
};

/// What a proxy is made for.
pub(crate) struct Hub<'a> {
    /// The hub or the contract, as documentation calls it.
    pub(crate) name: String,
    pub(crate) proxy: &'a ProxyName,
    /// Conditions and lint levels.
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) generics: &'a Generics,
    /// What `Self` is in the methods; a contract says nothing about that.
    pub(crate) this: Option<&'a Type>,
    pub(crate) methods: Vec<&'a HubMethod>,
}

pub(crate) fn render(hub: &Hub<'_>) -> TokenStream {
    let span = hub.proxy.ident.span();
    let private = private(span);
    let structure = structure(hub);
    let start = start(hub);
    let calls = calls(hub);
    let traits = traits(hub);
    quote_spanned! {span=>
        #private::__client! { #structure #start #calls #traits }
    }
}

fn structure(hub: &Hub<'_>) -> TokenStream {
    let (attrs, ProxyName { vis, ident }) = (&hub.attrs, hub.proxy);
    let span = ident.span();
    let private = private(span);
    let doc = format!("Calls the methods of [`{}`] over a connection.", hub.name);
    let inner = match hub.generics.params.is_empty() {
        true => quote!(__M),
        false => {
            let this = hub.this;
            quote!(__M, #this)
        }
    };
    let generics = with(hub.generics, &parse_quote!(__M = ::signalr::Invoked));
    let bounds = &hub.generics.where_clause;
    let silent = silent();
    quote_spanned! {span=>
        #(#attrs)*
        #[doc = #doc]
        #silent
        #vis struct #ident #generics (#private::Proxy<#inner>) #bounds;
    }
}

/// How a proxy is made; a hub's own method of that name goes before.
fn start(hub: &Hub<'_>) -> TokenStream {
    let (attrs, ProxyName { vis, ident }) = (&hub.attrs, hub.proxy);
    let span = ident.span();
    let private = private(span);
    let (generics, args, bounds) = hub.generics.split_for_impl();
    let sent = of(hub.generics, &quote!(::signalr::Sent));
    let (silent, allowed) = (silent(), render::allowed());
    let new = (!has(hub, "new")).then(|| {
        quote_spanned! {span=>
            #[doc = "Calls over this connection, and keeps it open as a clone of it does."]
            #[must_use]
            #vis fn new(connection: &::signalr::HubConnection) -> Self {
                Self(#private::Proxy::new(connection))
            }
        }
    });
    let sending = (!has(hub, "sending")).then(|| {
        quote_spanned! {span=>
            #[doc = "The same methods without answers: calls are done when they are queued, and their uploads have ended."]
            #[must_use]
            #vis fn sending(&self) -> #ident #sent {
                #ident(self.0.sending())
            }
        }
    });
    let streams = hub.methods.iter().filter(|method| streams(method));
    let streams = streams.map(|method| method::stream(method, hub.this, vis));
    quote_spanned! {span=>
        #(#attrs)*
        #allowed
        #silent
        impl #generics #ident #args #bounds { #new #sending #(#streams)* }
    }
}

fn calls(hub: &Hub<'_>) -> TokenStream {
    let (attrs, ProxyName { vis, ident }) = (&hub.attrs, hub.proxy);
    let extended = with(hub.generics, &parse_quote!(__M: ::signalr::CallMode));
    let (generics, args, bounds) = extended.split_for_impl();
    let (silent, allowed) = (silent(), render::allowed());
    let calls = hub.methods.iter().filter(|method| !streams(method));
    let calls = calls.map(|method| method::call(method, hub.this, vis));
    quote_spanned! {ident.span()=>
        #(#attrs)*
        #allowed
        #silent
        impl #generics #ident #args #bounds { #(#calls)* }
    }
}

fn traits(hub: &Hub<'_>) -> TokenStream {
    let (attrs, ident) = (&hub.attrs, &hub.proxy.ident);
    let span = ident.span();
    let private = private(span);
    let extended = with(hub.generics, &parse_quote!(__M));
    let (generics, args, bounds) = extended.split_for_impl();
    let name = ident.to_string();
    quote_spanned! {span=>
        #(#attrs)*
        #[automatically_derived]
        impl #generics ::core::convert::From<&::signalr::HubConnection> for #ident #args #bounds {
            fn from(connection: &::signalr::HubConnection) -> Self {
                Self(#private::Proxy::new(connection))
            }
        }

        #(#attrs)*
        #[automatically_derived]
        impl #generics ::core::clone::Clone for #ident #args #bounds {
            fn clone(&self) -> Self {
                Self(::core::clone::Clone::clone(&self.0))
            }
        }

        #(#attrs)*
        #[automatically_derived]
        impl #generics ::core::fmt::Debug for #ident #args #bounds {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                ::core::fmt::Formatter::debug_tuple(f, #name).field(&self.0).finish()
            }
        }
    }
}

fn streams(method: &HubMethod) -> bool {
    matches!(
        method.outcome.yields,
        Yields::Items(_) | Yields::Received(_)
    )
}

fn has(hub: &Hub<'_>, name: &str) -> bool {
    hub.methods.iter().any(|method| method.ident == name)
}

/// The parameters of the hub, and one more.
fn with(generics: &Generics, one: &GenericParam) -> Generics {
    let mut generics = generics.clone();
    for param in &mut generics.params {
        if let GenericParam::Type(param) = param {
            param.default = None;
        }
    }
    generics.params.push(one.clone());
    generics
}

/// The hub's parameters as arguments, and one more.
fn of(generics: &Generics, one: &TokenStream) -> TokenStream {
    let params = generics.params.iter().map(|param| match param {
        GenericParam::Lifetime(param) => param.lifetime.to_token_stream(),
        GenericParam::Type(param) => param.ident.to_token_stream(),
        GenericParam::Const(param) => param.ident.to_token_stream(),
    });
    quote!(<#(#params,)* #one>)
}

/// The proxy may be more visible than what its methods mention, and nobody has to use it.
fn silent() -> TokenStream {
    quote! {
        #[allow(
            dead_code,
            private_bounds,
            private_interfaces,
            unnameable_types,
            unreachable_pub
        )]
    }
}

/// `ChatProxy` for `Chat`.
pub(crate) fn name_of(ident: &Ident, vis: Visibility) -> ProxyName {
    use syn::ext::IdentExt;
    ProxyName {
        vis,
        ident: format_ident!("{}Proxy", ident.unraw(), span = ident.span()),
    }
}
