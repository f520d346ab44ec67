//! From an attribute and its item to the expansion, mistakes included.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Item, spanned::Spanned};

use crate::{
    args::{self, HubArgs, ReceiverArgs},
    errors::Errors,
    read_contract, read_dotnet, read_dotnet_enum, read_hub, read_receiver, render_callbacks,
    render_contract, render_dotnet, render_hub, render_receiver,
};

pub(crate) fn hub(options: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let expansion = match syn::parse2::<Item>(item.clone()) {
        Ok(Item::Impl(block)) => {
            let model = match block.trait_.as_ref().map(|(path, _)| path.clone()) {
                None => {
                    let args = HubArgs::inherent(options, &mut errors);
                    read_hub::read(args, block, &mut errors)
                }
                Some(contract) => {
                    let args = HubArgs::implementation(options, &mut errors);
                    read_hub::read_implementation(args, block, contract, &mut errors)
                }
            };
            render_hub::render(&model)
        }
        Ok(Item::Trait(contract)) => {
            let case = args::contract(options, &mut errors);
            let model = read_contract::read(case, contract, &mut errors);
            render_contract::render(&model)
        }
        Ok(other) => {
            errors.push(misplaced(
                &other,
                "`#[hub]` goes on an `impl` block, `impl ChatHub { ... }`, or on a trait that hubs implement",
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
                "`#[receiver]` goes on a trait, or on an `impl` of it: `impl ChatClient for Ui`",
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

pub(crate) fn dotnet(options: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    args::refuse_dotnet(options, &mut errors);
    let model = match syn::parse2::<Item>(item.clone()) {
        Ok(Item::Struct(item)) => Some(read_dotnet::structure(item, &mut errors)),
        Ok(Item::Enum(item)) => Some(read_dotnet_enum::enumeration(item, &mut errors)),
        Ok(other) => {
            errors.push(misplaced(
                &other,
                "`#[dotnet]` goes on a struct with named fields, or on an enum without data",
            ));
            None
        }
        Err(error) => {
            errors.push(error);
            None
        }
    };
    let expansion = model.as_ref().map_or(item, render_dotnet::render);
    let errors = errors.into_tokens();
    quote!(#expansion #errors)
}

/// The error at the item's keyword, rather than all over the item or at our attribute.
fn misplaced(item: &Item, message: &str) -> syn::Error {
    let span = match item {
        Item::Struct(item) => item.struct_token.span(),
        Item::Enum(item) => item.enum_token.span(),
        Item::Union(item) => item.union_token.span(),
        Item::Trait(item) => item.trait_token.span(),
        Item::Impl(item) => item.impl_token.span(),
        Item::Fn(item) => item.sig.fn_token.span(),
        Item::Mod(item) => item.mod_token.span(),
        other => other.to_token_stream().span(),
    };
    syn::Error::new(span, message)
}

#[cfg(test)]
mod tests {
    use syn::File;

    use super::*;

    /// The items of an expansion, and how many `compile_error!`s are among them.
    fn items(expansion: TokenStream) -> (Vec<Item>, usize) {
        let file: File = syn::parse2(expansion).expect("an expansion is a list of items");
        let (errors, items): (Vec<_>, Vec<_>) = file.items.into_iter().partition(|item| {
            let Item::Macro(item) = item else {
                return false;
            };
            let name = item.mac.path.segments.last();
            name.is_some_and(|segment| segment.ident == "compile_error")
        });
        (items, errors.len())
    }

    #[test]
    fn a_block_becomes_itself_the_table_and_its_proxy() {
        let block = quote! { impl Chat { pub async fn send(&self, text: &str) {} } };
        let (items, errors) = items(hub(quote!(), block));
        assert_eq!((items.len(), errors), (3, 0));
    }

    #[test]
    fn a_block_with_mistakes_becomes_both_all_the_same() {
        let block = quote! {
            impl Chat {
                pub fn new() -> Self {}
                pub fn rename(&mut self) {}
                fn on_connected(self) {}
            }
        };
        let (items, errors) = items(hub(quote!(clients = Trait, name = 3), block));
        assert_eq!((items.len(), errors), (3, 7));
    }

    #[test]
    fn other_items_stay_as_they_are() {
        for item in [
            quote!(
                struct Chat;
            ),
            quote!(
                enum Chat {}
            ),
            quote!(
                fn chat() {}
            ),
            quote!(
                mod chat {}
            ),
            quote!(
                const CHAT: u8 = 1;
            ),
        ] {
            let (kept, errors) = items(hub(quote!(), item.clone()));
            assert_eq!((kept.len(), errors), (1, 1));
            assert_eq!(kept[0].to_token_stream().to_string(), item.to_string());
            let (kept, errors) = items(dotnet(quote!(), item.clone()));
            assert_eq!((kept.len(), errors > 0), (1, true));
            assert_eq!(kept[0].to_token_stream().to_string(), item.to_string());
        }
        let (kept, errors) = items(receiver(
            quote!(),
            quote!(
                struct Ui;
            ),
        ));
        assert_eq!((kept.len(), errors), (1, 1));
    }

    #[test]
    fn what_is_no_item_is_an_error_and_no_panic() {
        for tokens in [quote!(), quote!(let), quote!(impl), quote!(1 + 1)] {
            assert!(
                hub(quote!(), tokens.clone())
                    .to_string()
                    .contains("compile_error")
            );
            assert!(
                receiver(quote!(), tokens.clone())
                    .to_string()
                    .contains("compile_error")
            );
            assert!(
                dotnet(quote!(), tokens)
                    .to_string()
                    .contains("compile_error")
            );
        }
    }

    #[test]
    fn a_trait_becomes_itself_its_proxy_and_what_ties_them() {
        let contract = quote! {
            trait ChatClient {
                async fn said(&self, text: &str);
                async fn confirm(&self) -> bool;
            }
        };
        let (items, errors) = items(receiver(quote!(), contract));
        assert_eq!((items.len(), errors), (7, 0));
    }

    #[test]
    fn a_contract_becomes_itself_its_table_and_its_proxy() {
        let contract = quote! { trait Chat { async fn say(&self, text: &str); } };
        let (items, errors) = items(hub(quote!(), contract));
        assert_eq!((items.len(), errors), (3, 0));
    }

    #[test]
    fn an_implementation_of_a_contract_becomes_itself_and_its_hub() {
        let block = quote! { impl Chat for App { async fn say(&self, text: &str) {} } };
        let (items, errors) = items(hub(quote!(client = ChatClient), block));
        assert_eq!((items.len(), errors), (2, 0));
    }

    #[test]
    fn a_type_becomes_itself_and_how_it_travels() {
        for (item, left) in [
            (
                quote! { #[derive(Serialize)] struct Order { id: u8 } },
                quote! { struct Order { id: u8 } },
            ),
            (
                quote! { #[derive(Deserialize)] enum Level { Low } },
                quote! { enum Level { Low } },
            ),
        ] {
            let (kept, errors) = items(dotnet(quote!(), item));
            assert_eq!((kept.len(), errors), (2, 0));
            assert_eq!(kept[0].to_token_stream().to_string(), left.to_string());
        }
        let mistaken = quote! { #[derive(Serialize)] struct Id(u8); };
        let (kept, errors) = items(dotnet(quote!(name = "ID"), mistaken.clone()));
        assert_eq!((kept.len(), errors), (1, 2));
        assert_eq!(kept[0].to_token_stream().to_string(), mistaken.to_string());
    }

    #[test]
    fn an_implementation_becomes_itself_and_its_registration() {
        let block = quote! { impl ChatClient for Ui { async fn said(&self) {} } };
        let (kept, errors) = items(receiver(quote!(), block));
        assert_eq!((kept.len(), errors), (2, 0));
        let block = quote! { impl Ui { async fn said(&self) {} } };
        let (kept, errors) = items(receiver(quote!(rename_all = "x"), block));
        assert_eq!((kept.len(), errors), (1, 2));
    }
}
