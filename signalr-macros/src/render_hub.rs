//! From a [`HubModel`] to the block as written and its `impl Hub`.

use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};
use syn::{Path, Type, spanned::Spanned};

use crate::{
    model::{Arg, HubMethod, HubModel, Lend, Outcome, Session, Yields},
    render::{self, local, private, slot},
    types::with_lifetimes,
    validate,
};

pub(crate) fn render(model: &HubModel) -> TokenStream {
    let HubModel { block, name, .. } = model;
    let ty = &block.self_ty;
    let cfgs = validate::cfgs(&block.attrs);
    let (generics, _, bounds) = block.generics.split_for_impl();
    let client = client(model.client.as_ref());
    let session = session(&model.session);
    let connected = connected(&model.session);
    let lifecycle = &model.lifecycle;
    let entries = model.methods.iter().map(entry);
    let allowed = render::allowed();
    quote! {
        #block

        #(#cfgs)*
        #[automatically_derived]
        impl #generics ::signalr::Hub for #ty #bounds {
            type Client = #client;
            type Session = #session;
            const NAME: &'static str = #name;
            #allowed
            const METHODS: &'static [::signalr::Method<Self>] = &[#(#entries),*];
            #connected
            #(#lifecycle)*
        }
    }
}

/// The contract behind the user's trait; if there is no such trait, its path is what is wrong.
fn client(client: Option<&Path>) -> TokenStream {
    match client {
        Some(path) => {
            let span = path.span();
            let private = private(span);
            quote_spanned!(span=> <dyn #path as #private::ClientTrait>::Contract)
        }
        None => quote!(::signalr::Untyped),
    }
}

fn session(session: &Session) -> TokenStream {
    match session {
        Session::Default(ty) | Session::Made(ty) | Session::Broken(Some(ty)) => quote!(#ty),
        Session::Unit | Session::Broken(None) => quote!(()),
    }
}

/// `on_connected` where the user has written none.
fn connected(session: &Session) -> TokenStream {
    let make = match session {
        Session::Made(_) => return TokenStream::new(),
        Session::Unit => quote!(()),
        Session::Default(ty) => {
            let span = ty.span();
            let private = private(span);
            quote_spanned!(span=> <#ty as #private::DefaultSession>::default_session())
        }
        Session::Broken(_) => quote!(::core::unreachable!()),
    };
    quote! {
        fn on_connected(
            &self,
            _: &::signalr::Connecting<Self>,
        ) -> impl ::core::future::Future<
            Output = ::core::result::Result<Self::Session, ::signalr::HubError>,
        > + ::core::marker::Send {
            async { ::core::result::Result::Ok(#make) }
        }
    }
}

/// One line of the table of methods.
fn entry(method: &HubMethod) -> TokenStream {
    let HubMethod { wire, cfgs, .. } = method;
    let span = method.ident.span();
    let private = private(span);
    let (call, args) = (local("__call", span), local("__args", span));
    let params = method.args.iter().filter_map(|arg| match arg {
        Arg::Wire { name, .. } => Some(name),
        Arg::Context | Arg::Upload { .. } => None,
    });
    let is_upload = |arg: &&Arg| matches!(arg, Arg::Upload { .. });
    let uploads = method.args.iter().filter(is_upload).count();
    let kind = match method.outcome.yields {
        Yields::Unit | Yields::Value(_) => quote!(Call),
        Yields::Items { .. } | Yields::Received(_) => quote!(Stream),
    };
    let reads = method.args.iter().enumerate().map(|(place, arg)| read(place, arg));
    let body = body(method);
    quote_spanned! {span=>
        #(#cfgs)*
        #private::method::<Self>(
            #wire, &[#(#params),*], #uploads, ::signalr::Kind::#kind,
            |#call, #args| {
                #(#reads)*
                #args.finish()?;
                ::core::result::Result::Ok(#private::Box::pin(async move { #body }))
            },
        )
    }
}

fn read(place: usize, arg: &Arg) -> TokenStream {
    match arg {
        Arg::Context => TokenStream::new(),
        Arg::Wire { name, wire } => render::next(place, name, wire),
        Arg::Upload { name, ty } => {
            let span = ty.span();
            let (args, slot) = (local("__args", span), slot(place, span));
            let user = with_lifetimes(ty, "_");
            quote_spanned!(span=> let #slot = #args.upload::<#user>(#name)?;)
        }
    }
}

/// The call of the user's method, and what becomes of its outcome.
fn body(method: &HubMethod) -> TokenStream {
    let (ident, span) = (&method.ident, method.ident.span());
    let (call, hub) = (local("__call", span), local("__hub", span));
    let passed = method.args.iter().enumerate().map(|(place, arg)| match arg {
        Arg::Context => quote!(#call.context()),
        Arg::Wire { wire, .. } => render::pass(place, &wire.ty, wire.lend),
        Arg::Upload { ty, .. } => render::pass(place, ty, Lend::Given),
    });
    let wait = method.is_async.then(|| quote_spanned!(span=> .await));
    let out = quote_spanned!(span=> Self::#ident(&#hub, #(#passed),*)#wait);
    let finish = finish(&call, out, &method.outcome);
    quote_spanned! {span=>
        let #hub = #call.hub().await?;
        #finish
    }
}

fn finish(call: &Ident, out: TokenStream, outcome: &Outcome) -> TokenStream {
    let out = match &outcome.fallible {
        None => out,
        Some(fallible) => {
            let span = fallible.error.as_ref().unwrap_or(&fallible.ty).span();
            let result = render::result(out, fallible);
            quote_spanned!(span=> #call.ok(#result)?)
        }
    };
    let name = |ty: &Type| local("__out", ty.span());
    let (name, write) = match &outcome.yields {
        Yields::Unit => return quote!(#out; #call.value(())),
        Yields::Value(ty) => {
            let name = name(ty);
            let value = render::plain_value(&name, ty);
            let write = quote_spanned!(ty.span()=> #call.value(#value));
            (name, write)
        }
        Yields::Items { item, fallible } => {
            let name = name(item);
            let method = match fallible {
                None => quote_spanned!(item.span()=> items),
                Some(_) => quote_spanned!(item.span()=> try_items),
            };
            let write = quote_spanned!(item.span()=> #call.#method(#name).await);
            (name, write)
        }
        Yields::Received(ty) => {
            let name = name(ty);
            let private = private(ty.span());
            let stream = quote_spanned!(ty.span()=> #private::received(#name));
            let write = quote_spanned!(ty.span()=> #call.try_items(#stream).await);
            (name, write)
        }
    };
    quote!(let #name = #out; #write)
}
