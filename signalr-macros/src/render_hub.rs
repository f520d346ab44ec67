//! From a [`HubModel`] to the block as written and its `impl Hub`.

use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};
use syn::{Path, Type, parse_quote_spanned, spanned::Spanned};

use crate::{
    model::{Arg, HubMethod, HubModel, Items, Lend, Methods, Outcome, Session, Yields},
    naming::plain,
    render::{self, local, private, slot},
    render_proxy,
    types::{find, is_word, last, with_lifetimes},
    validate,
};

pub(crate) fn render(model: &HubModel) -> TokenStream {
    let HubModel { block, name, .. } = model;
    let ty = &block.self_ty;
    let attrs = validate::inherited(&block.attrs);
    let mut bounded = block.generics.clone();
    let predicate = parse_quote_spanned! {ty.span()=>
        #ty: ::core::marker::Send + ::core::marker::Sync + 'static
    };
    bounded.make_where_clause().predicates.push(predicate);
    let (generics, _, bounds) = bounded.split_for_impl();
    let client = client(model.client.as_ref());
    let session = session(&model.session);
    let connected = connected(&model.session);
    let lifecycle = &model.lifecycle;
    let methods = match &model.methods {
        Methods::Own(methods) => {
            let entries = methods
                .iter()
                .map(|method| entry(method, &quote!(Self), &quote!(Self)));
            quote!(&[#(#entries),*])
        }
        Methods::Contract(path) => {
            let span = path.span();
            let private = private(span);
            // In the constant itself a trait without `#[hub]` would be told of as not dyn compatible.
            quote_spanned! {span=> {
                fn contract(_: <dyn #path as #private::Contracted>::Itself) {}
                #private::methods(contract)
            }}
        }
    };
    let allowed = render::allowed();
    let table = quote_spanned! {ty.span()=>
        #(#attrs)*
        #[automatically_derived]
        impl #generics ::signalr::Hub for #ty #bounds {
            #client
            type Session = #session;
            const NAME: &'static str = #name;
            #allowed
            const METHODS: &'static [::signalr::Method<Self>] = #methods;
            #connected
            #(#lifecycle)*
        }
    };
    let proxy = model
        .proxy
        .as_ref()
        .zip(own(model))
        .map(|(proxy, methods)| {
            render_proxy::render(&render_proxy::Hub {
                name: last(ty).map_or_else(|| name.clone(), |segment| plain(&segment.ident)),
                proxy,
                attrs: attrs.clone(),
                generics: &block.generics,
                this: Some(ty),
                methods: methods.iter().collect(),
            })
        });
    // `pub` says "callable" here, not "visible": a private hub's methods are no oversight.
    quote! {
        #[allow(unreachable_pub)]
        #block
        #table
        #proxy
    }
}

fn own(model: &HubModel) -> Option<&[HubMethod]> {
    match &model.methods {
        Methods::Own(methods) => Some(methods),
        Methods::Contract(_) => None,
    }
}

/// The contract behind the user's trait; if there is no such trait, its path is what is wrong.
fn client(client: Option<&Path>) -> TokenStream {
    match client {
        Some(path) => {
            let span = path.span();
            let private = private(span);
            quote_spanned!(span=> type Client = <dyn #path as #private::ClientTrait>::Contract;)
        }
        None => quote!(
            type Client = ::signalr::Untyped;
        ),
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
        Session::Unit => quote!(async { ::core::result::Result::Ok(()) }),
        Session::Default(ty) => {
            let span = ty.span();
            let private = private(span);
            let make = quote_spanned!(span=> <#ty as #private::DefaultSession>::default_session());
            quote!(async { ::core::result::Result::Ok(#make) })
        }
        Session::Broken(_) => quote!(::core::future::pending()),
    };
    quote! {
        fn on_connected(
            &self,
            _: &::signalr::Connecting<Self>,
        ) -> impl ::core::future::Future<
            Output = ::core::result::Result<Self::Session, ::signalr::HubError>,
        > + ::core::marker::Send {
            #make
        }
    }
}

/// One line of the table of methods of `hub`, which has them at `place`.
pub(crate) fn entry(method: &HubMethod, hub: &TokenStream, place: &TokenStream) -> TokenStream {
    let HubMethod { wire, cfgs, .. } = method;
    let span = method.ident.span();
    let private = private(span);
    let (call, args) = (local("__call", span), local("__args", span));
    let params = method.args.iter().filter_map(|arg| match arg {
        Arg::Wire { ident, .. } => Some(plain(ident)),
        Arg::Context | Arg::Upload { .. } | Arg::Cancellation { .. } => None,
    });
    let is_upload = |arg: &&Arg| matches!(arg, Arg::Upload { .. });
    let uploads = method.args.iter().filter(is_upload).count();
    let kind = match method.outcome.yields {
        Yields::Unit | Yields::Value(_) => quote!(Call),
        Yields::Items(_) | Yields::Received(_) => quote!(Stream),
    };
    let reads = method
        .args
        .iter()
        .enumerate()
        .map(|(place, arg)| read(place, arg));
    let body = body(method, place);
    // Where rustc tells that the future is not `Send`, and that a stream's bounds are not met: a
    // second time, unless it stands where it was told first.
    let future_span = match &method.outcome.yields {
        Yields::Items(items) => items.item.span(),
        Yields::Received(ty) => ty.span(),
        Yields::Unit | Yields::Value(_) => span,
    };
    let future = quote_spanned!(future_span=> #private::Box::pin(async move { #body }));
    quote_spanned! {span=>
        #(#cfgs)*
        #private::method::<#hub>(
            #wire, &[#(#params),*], #uploads, ::signalr::Kind::#kind,
            |#call, #args| {
                #(#reads)*
                #args.finish()?;
                ::core::result::Result::Ok(#future)
            },
        )
    }
}

fn read(place: usize, arg: &Arg) -> TokenStream {
    match arg {
        Arg::Context => TokenStream::new(),
        Arg::Wire { ident, wire, .. } => render::next(place, &plain(ident), wire),
        Arg::Upload { ident, ty } => {
            let (span, name) = (ty.span(), plain(ident));
            let (args, slot) = (local("__args", span), slot(place, span));
            let user = with_lifetimes(ty, "_");
            quote_spanned!(span=> let #slot = #args.upload::<#user>(#name)?;)
        }
        Arg::Cancellation { ty } => {
            let span = ty.span();
            let (args, slot) = (local("__args", span), slot(place, span));
            quote_spanned!(span=> let #slot = #args.cancellation::<#ty>();)
        }
    }
}

/// The call of the user's method, and what becomes of its outcome.
fn body(method: &HubMethod, place: &TokenStream) -> TokenStream {
    let (ident, span) = (&method.ident, method.ident.span());
    let (call, hub) = (local("__call", span), local("__hub", span));
    let passed = method
        .args
        .iter()
        .enumerate()
        .map(|(place, arg)| match arg {
            Arg::Context => quote!(#call.context()),
            Arg::Wire { wire, .. } => render::pass(place, &wire.ty, wire.lend),
            Arg::Upload { ty, .. } | Arg::Cancellation { ty } => {
                render::pass(place, ty, Lend::Given)
            }
        });
    let wait = method.is_async.then(|| quote_spanned!(span=> .await));
    let out = quote_spanned!(span=> #place::#ident(&#hub, #(#passed),*)#wait);
    let finish = finish(&call, out, &method.outcome);
    quote_spanned! {span=>
        let #hub = #call.hub().await?;
        #finish
    }
}

fn finish(call: &Ident, out: TokenStream, outcome: &Outcome) -> TokenStream {
    let (bind, out) = match &outcome.fallible {
        None => (TokenStream::new(), out),
        Some(fallible) => {
            let (bind, result) = render::result(&out, fallible);
            let span = fallible.error.as_ref().unwrap_or(&fallible.ty).span();
            let private = private(span);
            (
                bind,
                quote_spanned!(span=> #private::Call::ok(&#call, #result)?),
            )
        }
    };
    let (name, write) = match &outcome.yields {
        Yields::Unit => return quote!(#bind #out; #call.value(())),
        Yields::Value(ty) => {
            let (name, private) = (render::returned(ty), private(ty.span()));
            let value = render::plain_value(&name, ty);
            let write = quote_spanned!(ty.span()=> #private::Call::value(&#call, #value));
            (name, write)
        }
        Yields::Items(items) => (render::returned(&items.item), stream(call, items)),
        Yields::Received(ty) => {
            let (name, private) = (render::returned(ty), private(ty.span()));
            let items = quote_spanned!(ty.span()=> #private::received(#name));
            let write = quote_spanned!(ty.span()=> #private::Call::try_items(&#call, #items).await);
            (name, write)
        }
    };
    quote!(#bind let #name = #out; #write)
}

/// Sends the items of a stream, each of them checked at its type.
fn stream(call: &Ident, Items { item, fallible }: &Items) -> TokenStream {
    let span = item.span();
    let (name, private) = (render::returned(item), private(span));
    let send = match fallible {
        None => quote_spanned!(span=> #private::Call::items(&#call, #name)),
        Some(fallible) => {
            let item = nameable(Some(item));
            let error = nameable(fallible.error.as_ref());
            quote_spanned!(span=> #private::Call::try_items::<_, #item, #error>(&#call, #name))
        }
    };
    let check = render::plain_items(item);
    quote_spanned!(span=> #check #send.await)
}

/// The type, where an expression can name it.
fn nameable(ty: Option<&Type>) -> TokenStream {
    match ty.filter(|ty| find(ty, &|token| is_word(token, "impl")).is_none()) {
        Some(ty) => with_lifetimes(ty, "_"),
        None => quote!(_),
    }
}
