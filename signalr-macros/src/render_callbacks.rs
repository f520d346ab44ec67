//! `#[receiver] impl ChatClient for Ui`: the `impl` as written, and how the client registers it.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{ImplItem, ItemImpl, ReturnType, Token, Type, spanned::Spanned};

use crate::{
    args,
    classify::{could_be_alias, fallible},
    errors::Errors,
    render::{local, private},
    validate,
};

pub(crate) fn expand(mut block: ItemImpl, errors: &mut Errors) -> TokenStream {
    check(&mut block, errors);
    let Some((contract, _)) = &block.trait_ else {
        let message =
            "`#[receiver]` goes on a trait, or on an `impl` of it: `impl ChatClient for Ui`";
        errors.at(&block.self_ty, message);
        return quote!(#block);
    };
    let span = contract.span();
    let private = private(span);
    let ty = &block.self_ty;
    let cfgs = validate::cfgs(&block.attrs);
    let (generics, _, bounds) = block.generics.split_for_impl();
    let (on, this) = (local("__on", span), local("__this", span));
    // In the body itself a trait without `#[receiver]` would be told of as not dyn compatible.
    let register = quote_spanned! {span=>
        fn contract(_: <dyn #contract as #private::ClientTrait>::Contract) {}
        fn register<C: #private::Register<T>, T>(
            _: fn(C),
            #this: #private::Arc<T>,
            #on: &mut #private::Handlers,
        ) {
            C::register(#this, #on);
        }
        register(contract, self, #on);
    };
    let callbacks = quote_spanned! {ty.span()=>
        #(#cfgs)*
        #[automatically_derived]
        impl #generics ::signalr::Callbacks for #ty #bounds {
            fn register(self: #private::Arc<Self>, #on: &mut #private::Handlers) {
                #register
            }
        }
    };
    quote!(#block #callbacks)
}

/// What rustc would tell in terms of futures and of attributes that it does not know.
fn check(block: &mut ItemImpl, errors: &mut Errors) {
    for item in &mut block.items {
        let ImplItem::Fn(function) = item else {
            continue;
        };
        for attr in args::take(&mut function.attrs, "receiver") {
            errors.at(
                attr,
                "the trait says what its methods are called; rename them there",
            );
        }
        let sig = &mut function.sig;
        let returns_future = matches!(&sig.output, ReturnType::Type(_, ty) if may_be_future(ty));
        if sig.asyncness.is_none() && !returns_future {
            let name = &sig.ident;
            let message = format!("receiver methods are `async`: write `async fn {name}`");
            errors.span(name.span(), message);
            sig.asyncness = Some(Token![async](name.span()));
        }
    }
}

/// Whether a plain `fn` may return this where the trait has an `async fn`.
fn may_be_future(ty: &Type) -> bool {
    let is_path = could_be_alias(ty) && fallible(ty).is_none();
    is_path || matches!(ty, Type::ImplTrait(_))
}
