//! From an enum with `#[dotnet]` to a [`DotnetModel`].

use syn::{Fields, Item, ItemEnum, Variant};

use crate::{
    args,
    errors::Errors,
    model::{DotnetModel, DotnetShape, DotnetVariant, DotnetWire},
    naming,
    read_dotnet::{broken, derives},
    serde_attrs::{self, SerdeAttrs},
    validate,
};

pub(crate) fn enumeration(mut item: ItemEnum, errors: &mut Errors) -> DotnetModel {
    let mut mistakes = Errors::default();
    let container = SerdeAttrs::take(&mut item.attrs, &mut mistakes);
    out_of_place(&container, &["crate"], &mut mistakes);
    if item.variants.is_empty() {
        let message = "an enum without variants has no value that could be sent";
        mistakes.span(item.ident.span(), message);
    }
    let mut variants = Vec::new();
    for variant in &mut item.variants {
        variants.push(self::variant(variant, &mut mistakes));
    }
    same_names(&variants, &mut mistakes);
    let as_written = item.clone();
    let derives = derives(&mut item.attrs, &item.generics, &mut mistakes);
    if !mistakes.is_empty() {
        return broken(Item::Enum(as_written), mistakes, errors);
    }
    DotnetModel {
        wire: Some(DotnetWire {
            ident: item.ident.clone(),
            generics: item.generics.clone(),
            derives,
            shape: DotnetShape::Enum(variants),
        }),
        item: Item::Enum(item),
    }
}

fn variant(variant: &mut Variant, errors: &mut Errors) -> DotnetVariant {
    serde_attrs::refuse_conditional(&mut variant.attrs, errors);
    let serde = SerdeAttrs::take(&mut variant.attrs, errors);
    out_of_place(&serde, &["other"], errors);
    if !matches!(variant.fields, Fields::Unit) {
        let message = "enums of .NET carry no data: leave `#[dotnet]` off, and put it on the structs \
             that the variants hold";
        errors.at(&variant.fields, message);
    }
    let given = args::take(&mut variant.attrs, "dotnet");
    let name = args::name_of(&given, "dotnet", "variant", errors);
    DotnetVariant {
        name: name.unwrap_or_else(|| naming::plain(&variant.ident)),
        ident: variant.ident.clone(),
        cfgs: validate::cfgs(&variant.attrs),
        is_other: serde.has("other"),
    }
}

/// What serde could be told of an enum, and is pointless for one whose values are numbers and names.
fn out_of_place(serde: &SerdeAttrs, known: &[&str], errors: &mut Errors) {
    for meta in serde.others(known) {
        let path = meta.path();
        let names = ["rename", "rename_all"];
        match names.iter().any(|name| path.is_ident(name)) {
            true => errors.at(
                meta,
                "`#[dotnet]` takes the names of the variants; rename one with \
                 `#[dotnet(name = \"...\")]` on it",
            ),
            false => errors.at(
                meta,
                "an enum with `#[dotnet]` is a number or a name, which leaves nothing to serde but \
                 `#[serde(other)]` on a variant",
            ),
        }
    }
}

/// Names of enums are compared exactly, and one variant at most can be the other one.
fn same_names(variants: &[DotnetVariant], errors: &mut Errors) {
    for (place, variant) in variants.iter().enumerate() {
        // Two that are conditional are taken to exclude each other.
        let exclusive = |first: &&DotnetVariant| !first.cfgs.is_empty() && !variant.cfgs.is_empty();
        let mut earlier = variants[..place].iter().filter(|first| !exclusive(first));
        if earlier.clone().any(|first| first.name == variant.name) {
            let message = format!("another variant is called `{}` as well", variant.name);
            errors.span(variant.ident.span(), message);
        }
        if variant.is_other && earlier.any(|first| first.is_other) {
            let message = "only one variant can stand for all others";
            errors.span(variant.ident.span(), message);
        }
    }
}

#[cfg(test)]
mod tests {
    use quote::ToTokens;
    use syn::parse_quote;

    use super::*;
    use crate::errors::assert_told;

    fn enumeration(item: ItemEnum) -> (DotnetModel, Vec<String>) {
        let mut errors = Errors::default();
        let model = super::enumeration(item, &mut errors);
        (model, errors.messages())
    }

    fn shown(item: impl ToTokens) -> String {
        item.into_token_stream().to_string()
    }

    #[test]
    fn variants_have_names() {
        let (model, errors) = enumeration(parse_quote! {
            #[derive(Clone, Serialize)]
            #[repr(u8)]
            enum Level {
                Low = 3,
                #[dotnet(name = "TOP")]
                #[cfg(unix)]
                High,
                #[serde(other)]
                r#Unknown,
            }
        });
        assert_told(&errors, &[]);
        let item: ItemEnum = parse_quote! {
            #[derive(Clone)]
            #[repr(u8)]
            enum Level { Low = 3, #[cfg(unix)] High, r#Unknown, }
        };
        assert_eq!(shown(model.item), shown(item));
        let Some(DotnetShape::Enum(variants)) = model.wire.map(|wire| wire.shape) else {
            panic!("an enum");
        };
        let variants: Vec<_> = variants
            .iter()
            .map(|variant| (&*variant.name, variant.cfgs.len(), variant.is_other))
            .collect();
        assert_eq!(
            variants,
            [("Low", 0, false), ("TOP", 1, false), ("Unknown", 0, true)]
        );
    }

    #[test]
    fn enums_carry_no_data_and_nothing_for_serde() {
        let (model, errors) = enumeration(parse_quote! {
            #[derive(Serialize)]
            #[serde(untagged, rename_all = "lowercase")]
            enum Level {
                #[dotnet(json = "low")]
                Low(u8),
                #[serde(alias = "Top", other)]
                High {},
                #[dotnet(name = "High")]
                #[serde(other)]
                Middle,
            }
        });
        let parts = [
            "leaves nothing to serde",
            "rename one with",
            "carry no data",
            "unknown `#[dotnet]` option `json`",
            "leaves nothing to serde",
            "carry no data",
            "called `High`",
            "only one",
        ];
        assert_told(&errors, &parts);
        let item: ItemEnum = parse_quote! {
            #[derive(Serialize)]
            enum Level { Low(u8), High {}, Middle, }
        };
        assert_eq!(shown(model.item), shown(item));
        let (_, errors) = enumeration(parse_quote! { enum Level {} });
        assert_told(&errors, &["no value", "below it"]);
    }
}
