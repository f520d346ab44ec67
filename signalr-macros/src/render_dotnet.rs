//! From a [`DotnetModel`] to the type, and how it is written and read in either encoding.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::{
    ItemStruct, LitStr, TypeParam, WherePredicate, ext::IdentExt, parse_quote, parse_quote_spanned,
    spanned::Spanned,
};

use crate::{
    model::{DotnetModel, DotnetShape, DotnetStruct, DotnetVariant, DotnetWire},
    render::{allowed, local, private},
};

pub(crate) fn render(model: &DotnetModel) -> TokenStream {
    let item = &model.item;
    let Some(wire) = &model.wire else {
        return quote!(#item);
    };
    let allowed = allowed();
    let inner = match &wire.shape {
        DotnetShape::Struct(structure) => render_struct(wire, structure),
        DotnetShape::Enum(variants) => render_enum(wire, variants),
    };
    quote! {
        #item

        #allowed
        #[allow(non_camel_case_types, non_snake_case, unused_imports)]
        const _: () = { #inner };
    }
}

#[derive(Clone, Copy)]
enum Encoding {
    Json,
    MessagePack,
}

impl Encoding {
    /// The name of the shadow that serde derives for.
    fn shadow(self, ident: &Ident) -> Ident {
        let encoding = match self {
            Self::Json => "Json",
            Self::MessagePack => "MessagePack",
        };
        format_ident!("__{}In{encoding}", ident.unraw(), span = ident.span())
    }
}

/// Two shadows of the struct, between which the implementations for itself choose.
fn render_struct(wire: &DotnetWire, structure: &DotnetStruct) -> TokenStream {
    let span = wire.ident.span();
    let private = private(span);
    let (to_write, to_read) = (to_write(wire, structure), to_read(wire, structure));
    let shared = shared(wire, &to_write, &to_read);
    let json = shadow(wire, structure, Encoding::Json);
    let message_pack = shadow(wire, structure, Encoding::MessagePack);
    let (in_json, in_message_pack) = (&json.ident, &message_pack.ident);
    let (_, arguments, _) = wire.generics.split_for_impl();
    let arguments = arguments.as_turbofish();
    let (serializer, deserializer) = (local("__serializer", span), local("__deserializer", span));
    let write = quote_spanned! {span=>
        if #private::is_messagepack::<__S::Error>() {
            #in_message_pack #arguments::serialize(self, #serializer)
        } else {
            #in_json #arguments::serialize(self, #serializer)
        }
    };
    let read = quote_spanned! {span=>
        if #private::is_messagepack::<__D::Error>() {
            #in_message_pack #arguments::deserialize(#deserializer)
        } else {
            #in_json #arguments::deserialize(#deserializer)
        }
    };
    let write = write_impl(wire, to_write, &write);
    let read = read_impl(wire, to_read, &read);
    quote! {
        use #private::Underived as _;
        #shared #json
        #shared #message_pack
        #write
        #read
    }
}

/// What stands above both shadows.
fn shared(
    wire: &DotnetWire,
    to_write: &[WherePredicate],
    to_read: &[WherePredicate],
) -> TokenStream {
    let (ident, derives) = (&wire.ident, &wire.derives);
    let span = ident.span();
    let derives = derives.serialize.iter().chain(&derives.deserialize);
    let remote = LitStr::new(&ident.to_string(), span);
    let serde = private(span).to_string() + "::serde";
    let to_write = quote!(#(#to_write),*).to_string();
    let to_read = quote!(#(#to_read),*).to_string();
    quote_spanned! {span=>
        #[derive(#(#derives),*)]
        #[serde(
            remote = #remote,
            crate = #serde,
            bound(serialize = #to_write, deserialize = #to_read)
        )]
    }
}

/// The struct with its names in one encoding; those of the other are read too.
fn shadow(wire: &DotnetWire, structure: &DotnetStruct, encoding: Encoding) -> ItemStruct {
    let mut shadow = structure.shadow.clone();
    for (field, name) in shadow.fields.iter_mut().zip(&structure.names) {
        let Some(name) = name else { continue };
        let (own, other) = match encoding {
            Encoding::Json => (&name.json, &name.property),
            Encoding::MessagePack => (&name.property, &name.json),
        };
        // What is wrong with a field shows at its first token.
        let span = field.ident.span();
        let named = parse_quote_spanned!(span=> #[serde(rename = #own, alias = #other)]);
        field.attrs.insert(0, named);
    }
    shadow.ident = encoding.shadow(&wire.ident);
    shadow
}

/// The values as arms to write with, and as a table to read from.
fn render_enum(wire: &DotnetWire, variants: &[DotnetVariant]) -> TokenStream {
    let span = wire.ident.span();
    let private = private(span);
    let (serializer, deserializer) = (local("__serializer", span), local("__deserializer", span));
    let mut arms = TokenStream::new();
    let mut rows = TokenStream::new();
    for variant in variants {
        let DotnetVariant {
            ident,
            name,
            cfgs,
            is_other,
        } = variant;
        arms.extend(quote! {
            #(#cfgs)*
            Self::#ident => #private::write_variant(#name, Self::#ident as i128, #serializer),
        });
        rows.extend(quote! {
            #(#cfgs)*
            #private::Variant {
                name: #name,
                number: Self::#ident as i128,
                value: || Self::#ident,
                is_other: #is_other,
            },
        });
    }
    let write = quote!(match self { #arms });
    let read = quote!(#private::read_variant(const { &[#rows] }, #deserializer));
    let write = write_impl(wire, Vec::new(), &write);
    let read = read_impl(wire, Vec::new(), &read);
    quote!(#write #read)
}

fn write_impl(
    wire: &DotnetWire,
    needs: Vec<WherePredicate>,
    body: &TokenStream,
) -> Option<TokenStream> {
    wire.derives.serialize.as_ref()?;
    let ident = &wire.ident;
    let span = ident.span();
    let private = private(span);
    let serializer = local("__serializer", span);
    let mut generics = wire.generics.clone();
    generics.make_where_clause().predicates.extend(needs);
    let (params, arguments, bounds) = generics.split_for_impl();
    Some(quote_spanned! {span=>
        #[automatically_derived]
        impl #params #private::serde::Serialize for #ident #arguments #bounds {
            fn serialize<__S: #private::serde::Serializer>(
                &self,
                #serializer: __S,
            ) -> ::core::result::Result<__S::Ok, __S::Error> {
                #body
            }
        }
    })
}

fn read_impl(
    wire: &DotnetWire,
    needs: Vec<WherePredicate>,
    body: &TokenStream,
) -> Option<TokenStream> {
    wire.derives.deserialize.as_ref()?;
    let ident = &wire.ident;
    let span = ident.span();
    let private = private(span);
    let deserializer = local("__deserializer", span);
    let (_, arguments, _) = wire.generics.split_for_impl();
    let mut generics = wire.generics.clone();
    generics.params.insert(0, parse_quote!('de));
    generics.make_where_clause().predicates.extend(needs);
    let (params, _, bounds) = generics.split_for_impl();
    Some(quote_spanned! {span=>
        #[automatically_derived]
        impl #params #private::serde::Deserialize<'de> for #ident #arguments #bounds {
            fn deserialize<__D: #private::serde::Deserializer<'de>>(
                #deserializer: __D,
            ) -> ::core::result::Result<Self, __D::Error> {
                #body
            }
        }
    })
}

fn to_write(wire: &DotnetWire, structure: &DotnetStruct) -> Vec<WherePredicate> {
    let private = private(wire.ident.span());
    let needs = &structure.needs;
    let by_rule = || {
        let params = wire.generics.type_params();
        let bound = |TypeParam { ident, .. }: &_| parse_quote!(#ident: #private::serde::Serialize);
        params.map(bound).collect()
    };
    needs.to_write.clone().unwrap_or_else(by_rule)
}

/// At least what serde asks for itself.
fn to_read(wire: &DotnetWire, structure: &DotnetStruct) -> Vec<WherePredicate> {
    let private = private(wire.ident.span());
    let needs = &structure.needs;
    if let Some(given) = &needs.to_read {
        return given.clone();
    }
    let mut predicates = Vec::new();
    for TypeParam { ident, .. } in wire.generics.type_params() {
        predicates.push(parse_quote!(#ident: #private::serde::Deserialize<'de>));
        if needs.field_default {
            predicates.push(parse_quote!(#ident: ::core::default::Default));
        }
    }
    if needs.default {
        let ident = &wire.ident;
        let (_, arguments, _) = wire.generics.split_for_impl();
        predicates.push(parse_quote!(#ident #arguments: ::core::default::Default));
    }
    predicates
}
