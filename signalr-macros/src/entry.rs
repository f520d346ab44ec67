//! From an attribute and its item to the expansion, mistakes included.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Item, spanned::Spanned};

use crate::{
    args::{HubArgs, ReceiverArgs},
    errors::Errors,
    read_hub, read_receiver, render_callbacks, render_hub, render_receiver,
};

pub(crate) fn hub(options: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let args = HubArgs::read(options, &mut errors);
    let expansion = match syn::parse2::<Item>(item.clone()) {
        Ok(Item::Impl(block)) if block.trait_.is_none() => {
            let model = read_hub::read(args, block, &mut errors);
            render_hub::render(&model)
        }
        Ok(other) => {
            errors.push(misplaced(
                &other,
                "`#[hub]` goes on an inherent `impl` block: `impl ChatHub { ... }`",
            ));
            item
        }
        Err(error) => {
            errors.push(error);
            item
        }
    };
    let errors = errors.into_tokens();
    quote!(#expansion #errors)
}

pub(crate) fn receiver(options: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let expansion = match syn::parse2::<Item>(item.clone()) {
        Ok(Item::Trait(contract)) => {
            let args = ReceiverArgs::read(options, &mut errors);
            let model = read_receiver::read(&args, contract, &mut errors);
            render_receiver::render(&model)
        }
        Ok(Item::Impl(block)) => {
            ReceiverArgs::refuse(options, &mut errors);
            render_callbacks::expand(block, &mut errors)
        }
        Ok(other) => {
            errors.push(misplaced(
                &other,
                "`#[receiver]` goes on a trait, or on an `impl` of such a trait for a type",
            ));
            item
        }
        Err(error) => {
            errors.push(error);
            item
        }
    };
    let errors = errors.into_tokens();
    quote!(#expansion #errors)
}

/// The error at the item's keyword, rather than all over the item or at our attribute.
fn misplaced(item: &Item, message: &str) -> syn::Error {
    let span = match item {
        Item::Struct(item) => item.struct_token.span(),
        Item::Enum(item) => item.enum_token.span(),
        Item::Trait(item) => item.trait_token.span(),
        Item::Impl(item) => item.impl_token.span(),
        Item::Fn(item) => item.sig.fn_token.span(),
        Item::Mod(item) => item.mod_token.span(),
        other => other.to_token_stream().span(),
    };
    syn::Error::new(span, message)
}
