//! `#[receiver] impl ChatClient for Ui`: the `impl` as written, and how the client registers it.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{ImplItem, ItemImpl, ReturnType, Token, spanned::Spanned};

use crate::{
    args,
    errors::Errors,
    render::{local, private},
    validate,
};

pub(crate) fn expand(mut block: ItemImpl, errors: &mut Errors) -> TokenStream {
    check(&mut block, errors);
    let Some((contract, _)) = &block.trait_ else {
        let message = "`#[receiver]` goes on a trait, or on an `impl` of such a trait for a type";
        errors.at(&block.self_ty, message);
        return quote!(#block);
    };
    let span = contract.span();
    let private = private(span);
    let ty = &block.self_ty;
    let cfgs = validate::cfgs(&block.attrs);
    let (generics, _, bounds) = block.generics.split_for_impl();
    let on = local("__on", span);
    let register = quote_spanned! {span=>
        <dyn #contract as #private::Register<Self>>::register(self, #on)
    };
    quote! {
        #block

        #(#cfgs)*
        #[automatically_derived]
        impl #generics ::signalr::Callbacks for #ty #bounds {
            fn register(self: #private::Arc<Self>, #on: &mut #private::Handlers) {
                #register
            }
        }
    }
}

/// What rustc would tell in terms of futures and of attributes that it does not know.
fn check(block: &mut ItemImpl, errors: &mut Errors) {
    for item in &mut block.items {
        let ImplItem::Fn(function) = item else {
            continue;
        };
        for attr in args::take(&mut function.attrs, "receiver") {
            errors.at(attr, "the trait says what its methods are called; rename them there");
        }
        let sig = &mut function.sig;
        let returns_future = matches!(&sig.output, ReturnType::Type(_, ty) if is_future(ty));
        if sig.asyncness.is_none() && !returns_future {
            let name = &sig.ident;
            let message = format!("receiver methods are `async`: write `async fn {name}`");
            errors.span(name.span(), message);
            sig.asyncness = Some(Token![async](name.span()));
        }
    }
}

/// Whether a plain `fn` may return this where the trait has an `async fn`.
fn is_future(ty: &syn::Type) -> bool {
    matches!(ty, syn::Type::ImplTrait(_) | syn::Type::Path(_))
}
