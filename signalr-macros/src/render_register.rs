//! From a [`ReceiverModel`] to what ties the trait to its contract, and a client to the trait.

use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};
use syn::{Type, spanned::Spanned};

use crate::{
    model::{ReceiverMethod, ReceiverModel, Yields},
    naming::plain,
    render::{self, local, private},
    render_receiver::proxy_name,
    types::with_lifetimes,
    validate,
};

pub(crate) fn render(model: &ReceiverModel) -> TokenStream {
    let (ident, proxy) = (&model.item.ident, proxy_name(model));
    let cfgs = validate::cfgs(&model.item.attrs);
    let span = ident.span();
    let private = private(span);
    let (this, on) = (local("__this", span), local("__on", span));
    let sound = || model.methods.iter().filter(|method| !method.broken);
    let bounds = sound().flat_map(bounds);
    let handlers = sound().map(|method| handler(method, ident));
    let allowed = render::allowed();
    quote_spanned! {span=>
        #(#cfgs)*
        #[automatically_derived]
        impl #private::ClientTrait for dyn #ident {
            type Contract = #proxy;
        }

        #(#cfgs)*
        #[automatically_derived]
        #allowed
        impl<__R: #ident> #private::Register<__R> for #proxy
        where #(#bounds,)*
        {
            fn register(#this: #private::Arc<__R>, #on: &mut #private::Handlers) {
                #(#handlers)*
            }
        }
    }
}

/// Asked for where a client implements the trait, not where the trait stands.
fn bounds(method: &ReceiverMethod) -> impl Iterator<Item = TokenStream> {
    let reads = method
        .params
        .iter()
        .map(|param| deferred(&param.wire.ty, "HubArg"));
    let writes = match &method.outcome.yields {
        Yields::Value(ty) => Some(deferred(ty, "HubResult")),
        _ => None,
    };
    reads.chain(writes)
}

fn deferred(ty: &Type, bound: &str) -> TokenStream {
    let span = ty.span();
    let private = private(span);
    let bound = Ident::new(bound, span);
    let ty = with_lifetimes(ty, "defer");
    quote_spanned!(span=> for<'defer> #ty: #private::#bound)
}

/// One entry in the client's table of handlers.
fn handler(method: &ReceiverMethod, contract: &Ident) -> TokenStream {
    let ReceiverMethod { sig, wire, .. } = method;
    let (ident, span) = (&sig.ident, sig.ident.span());
    let private = private(span);
    let (this, on) = (local("__this", span), local("__on", span));
    let args = local("__args", span);
    let cfgs = validate::cfgs(&method.attrs);
    let reads = method
        .params
        .iter()
        .enumerate()
        .map(|(place, param)| render::next(place, &plain(&param.ident), &param.wire));
    let passed = method.params.iter().enumerate();
    let passed = passed.map(|(place, param)| render::pass(place, &param.wire.ty, param.wire.lend));
    let out = quote_spanned!(span=> <__R as #contract>::#ident(&#this, #(#passed),*).await);
    let reply = reply(method, &out);
    let count = method.params.len();
    let answers = matches!(method.outcome.yields, Yields::Value(_));
    quote_spanned! {span=>
        #(#cfgs)*
        #on.add(#wire, #count, #answers, {
            let #this = #private::Arc::clone(&#this);
            move |#args| {
                #(#reads)*
                #args.finish()?;
                let #this = #private::Arc::clone(&#this);
                ::core::result::Result::Ok(#private::Box::pin(async move { #reply }))
            }
        });
    }
}

fn reply(method: &ReceiverMethod, out: &TokenStream) -> TokenStream {
    let private = private(method.sig.ident.span());
    match (&method.outcome.fallible, &method.outcome.yields) {
        (Some(fallible), _) => {
            let (bind, result) = render::result(out, fallible);
            let span = fallible.error.as_ref().unwrap_or(&fallible.ty).span();
            quote_spanned!(span=> #bind #private::reply_result(#result))
        }
        (None, Yields::Value(ty)) => {
            let name = render::returned(ty);
            let value = render::plain_value(&name, ty);
            quote_spanned!(ty.span()=> let #name = #out; #private::reply(#value))
        }
        (None, _) => quote!(#out; #private::no_reply()),
    }
}
