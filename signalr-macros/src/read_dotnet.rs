//! From a struct with `#[dotnet]` to a [`DotnetModel`].

use proc_macro2::Span;
use quote::quote;
use syn::{
    Attribute, Field, Fields, Generics, Item, ItemStruct, Type, Visibility, ext::IdentExt,
    parse_quote,
};

use crate::{
    args::{self, FieldNames},
    errors::Errors,
    model::{Derives, DotnetModel, DotnetName, DotnetNeeds, DotnetShape, DotnetStruct, DotnetWire},
    naming::{self, Case},
    serde_attrs::{self, SerdeAttrs},
    types::replace_self,
    validate::{self, Named},
};

/// What makes another type of a struct on the wire.
const STAND_INS: [&str; 4] = ["remote", "from", "try_from", "into"];

pub(crate) fn structure(mut item: ItemStruct, errors: &mut Errors) -> DotnetModel {
    let mut mistakes = Errors::default();
    let mut given = Vec::new();
    for field in &mut item.fields {
        serde_attrs::refuse_conditional(&mut field.attrs, &mut mistakes);
        given.push(args::take(&mut field.attrs, "dotnet"));
    }
    let as_written = item.clone();
    let derives = derives(&mut item.attrs, &item.generics, &mut mistakes);
    let container = SerdeAttrs::take(&mut item.attrs, &mut mistakes);
    container_options(&container, &mut mistakes);
    if !matches!(item.fields, Fields::Named(_)) {
        let message = "`#[dotnet]` needs fields with names: leave it off a tuple struct, which serde \
             writes as what is in it, and write a unit struct as `struct Name {}`";
        mistakes.span(item.ident.span(), message);
    }
    let mut shadow = shadow(&item, &container);
    let mut needs = DotnetNeeds {
        to_write: container.bound("serialize", &mut mistakes),
        to_read: container.bound("deserialize", &mut mistakes),
        default: container.has_word("default"),
        field_default: false,
    };
    let mut names = Vec::new();
    for ((field, shade), given) in item.fields.iter_mut().zip(&mut shadow.fields).zip(&given) {
        let serde = SerdeAttrs::take(&mut field.attrs, &mut mistakes);
        field_options(&serde, &mut mistakes);
        names.push(name(field, given, &serde, &mut mistakes));
        needs.field_default |= ["default", "skip", "skip_deserializing"]
            .iter()
            .any(|key| serde.has_word(key));
        shade.attrs = validate::cfgs(&field.attrs);
        shade.attrs.extend(serde.attrs(&[]));
    }
    clashes(&item, &names, &mut mistakes);
    if !mistakes.is_empty() {
        return broken(Item::Struct(as_written), mistakes, errors);
    }
    DotnetModel {
        wire: Some(DotnetWire {
            ident: item.ident.clone(),
            generics: item.generics.clone(),
            derives,
            shape: DotnetShape::Struct(Box::new(DotnetStruct {
                shadow,
                names,
                needs,
            })),
        }),
        item: Item::Struct(item),
    }
}

/// Serde's derives are left in place, so that nobody misses an implementation.
pub(crate) fn broken(item: Item, mistakes: Errors, errors: &mut Errors) -> DotnetModel {
    errors.append(mistakes);
    DotnetModel { item, wire: None }
}

/// What the type derives of serde's.
pub(crate) fn derives(
    attrs: &mut Vec<Attribute>,
    generics: &Generics,
    errors: &mut Errors,
) -> Derives {
    let derives = serde_attrs::take_derives(attrs);
    if derives.serialize.is_none() && derives.deserialize.is_none() {
        let message = "`#[dotnet]` shapes what serde's derives write and read: put \
             `#[derive(Serialize, Deserialize)]`, or one of the two, below it";
        errors.span(Span::call_site(), message);
    }
    let lifetime = generics.lifetimes().next();
    if let (Some(_), Some(lifetime)) = (&derives.deserialize, lifetime) {
        let message = "what is read outlives the message it came in: write `String` for `&str`, \
             or derive `Serialize` alone";
        errors.at(lifetime, message);
    }
    derives
}

fn container_options(serde: &SerdeAttrs, errors: &mut Errors) {
    if let Some(meta) = serde.find("rename_all") {
        let message = "`#[dotnet]` names the fields; rename one with `#[dotnet(name = \"...\")]`";
        errors.at(meta, message);
    }
    if let Some(meta) = serde.find("transparent") {
        let message = "a transparent struct has no names on the wire: leave `#[dotnet]` off";
        errors.at(meta, message);
    }
    for key in STAND_INS {
        if let Some(meta) = serde.find(key) {
            let message = format!(
                "`{key}` makes another type of this one on the wire: put `#[dotnet]` on that one"
            );
            errors.at(meta, message);
        }
    }
}

fn field_options(serde: &SerdeAttrs, errors: &mut Errors) {
    if let Some(meta) = serde.find("rename") {
        let message = "`#[dotnet]` needs the name that .NET gives the property: \
             `#[dotnet(name = \"...\")]`, and `json = \"...\"` beside it where JSON has another";
        errors.at(meta, message);
    }
    if let Some(meta) = serde.find("bound") {
        let message =
            "`#[dotnet]` needs the bounds of all fields at once: write them above the struct";
        errors.at(meta, message);
    }
}

/// The struct as serde gets to see it, but for its names. Bounds and the path to serde are ours to say.
fn shadow(item: &ItemStruct, container: &SerdeAttrs) -> ItemStruct {
    let ident = &item.ident;
    let (_, arguments, _) = item.generics.split_for_impl();
    let this = quote!(#ident #arguments);
    let mut shadow = item.clone();
    shadow.vis = Visibility::Inherited;
    for field in &mut shadow.fields {
        field.vis = Visibility::Inherited;
        field.ty = Type::Verbatim(replace_self(&field.ty, &this));
    }
    let mut ours = vec!["crate", "bound"];
    if container.has_word("default") {
        ours.push("default");
        // Without a path, serde would want a default of the shadow.
        let path = "::core::default::Default::default";
        shadow.attrs = vec![parse_quote!(#[serde(default = #path)])];
    } else {
        shadow.attrs.clear();
    }
    if !container.has("rename") {
        let name = ident.unraw().to_string();
        shadow.attrs.push(parse_quote!(#[serde(rename = #name)]));
    }
    shadow.attrs.extend(container.attrs(&ours));
    shadow
}

/// What the field is called on the wire, if it has a name there.
fn name(
    field: &Field,
    given: &[Attribute],
    serde: &SerdeAttrs,
    errors: &mut Errors,
) -> Option<DotnetName> {
    let names = FieldNames::read(given, errors);
    for key in ["flatten", "skip"] {
        if serde.has(key) {
            if let Some(attr) = given.first() {
                errors.at(attr, format!("`{key}` leaves this field without a name"));
            }
            return None;
        }
    }
    let ident = field.ident.as_ref()?;
    let property = names.name.unwrap_or_else(|| Case::Pascal.apply(ident));
    let json = names.json.unwrap_or_else(|| naming::json_name(&property));
    Some(DotnetName { property, json })
}

/// No two fields can share one of their names, since either is read in both encodings.
fn clashes(item: &ItemStruct, names: &[Option<DotnetName>], errors: &mut Errors) {
    let fields = item.fields.iter().zip(names);
    let named = fields.filter_map(|(field, name)| Some((field, name.as_ref()?)));
    let spellings = named.flat_map(|(field, DotnetName { property, json })| {
        let json = (!naming::clash(property, json)).then_some(json);
        let spellings = [Some(property), json].into_iter().flatten();
        spellings.filter_map(|wire| {
            Some(Named {
                ident: field.ident.as_ref()?,
                wire,
                has_cfg: !validate::cfgs(&field.attrs).is_empty(),
            })
        })
    });
    validate::wire_names("fields", "dotnet", spellings, errors);
}

#[cfg(test)]
mod tests {
    use quote::ToTokens;

    use super::*;
    use crate::errors::assert_told;

    fn structure(item: ItemStruct) -> (DotnetModel, Vec<String>) {
        let mut errors = Errors::default();
        let model = super::structure(item, &mut errors);
        (model, errors.messages())
    }

    fn shown(item: impl ToTokens) -> String {
        item.into_token_stream().to_string()
    }

    #[test]
    fn fields_are_named_twice_and_keep_what_is_for_serde() {
        let (model, errors) = structure(parse_quote! {
            /// An order.
            #[derive(Debug, Serialize, Deserialize)]
            #[serde(deny_unknown_fields, crate = "other")]
            pub(crate) struct Order<T> {
                /// Its number.
                pub order_id: u64,
                #[dotnet(name = "URLValue")]
                #[serde(default)]
                url: Option<T>,
                #[dotnet(json = "kind")]
                #[cfg(unix)]
                r#type: Vec<Self>,
                #[serde(flatten)]
                rest: Rest,
            }
        });
        assert_told(&errors, &[]);
        let item: ItemStruct = parse_quote! {
            /// An order.
            #[derive(Debug)]
            pub(crate) struct Order<T> {
                /// Its number.
                pub order_id: u64,
                url: Option<T>,
                #[cfg(unix)]
                r#type: Vec<Self>,
                rest: Rest,
            }
        };
        assert_eq!(shown(model.item), shown(item));
        let wire = model.wire.expect("a sound struct");
        let DotnetShape::Struct(structure) = wire.shape else {
            panic!("a struct");
        };
        let expected: ItemStruct = parse_quote! {
            #[serde(rename = "Order")]
            #[serde(deny_unknown_fields)]
            struct Order<T> {
                order_id: u64,
                #[serde(default)]
                url: Option<T>,
                #[cfg(unix)]
                r#type: Vec<Order<T>>,
                #[serde(flatten)]
                rest: Rest,
            }
        };
        assert_eq!(shown(&structure.shadow), shown(expected));
        let names: Vec<_> = structure
            .names
            .iter()
            .map(|name| name.as_ref().map(|name| (&*name.property, &*name.json)))
            .collect();
        let expected = [
            Some(("OrderId", "orderId")),
            Some(("URLValue", "urlValue")),
            Some(("Type", "kind")),
            None,
        ];
        assert_eq!(names, expected);
        assert!(structure.needs.field_default && !structure.needs.default);
    }

    #[test]
    fn a_struct_with_mistakes_is_left_to_serde() {
        let (model, errors) = structure(parse_quote! {
            #[derive(Serialize, Deserialize)]
            #[serde(rename_all = "camelCase", transparent, try_from = "u8", into = "u8")]
            struct Order<'a> {
                #[serde(rename = "x", bound = "")]
                #[dotnet(name = "")]
                id: &'a str,
                #[cfg_attr(unix, serde(skip), other)]
                #[dotnet]
                #[serde(skip)]
                skipped: u8,
            }
        });
        let parts = [
            "without `cfg_attr`",
            "write `String`",
            "rename one with",
            "leave `#[dotnet]` off",
            "`try_from`",
            "`into`",
            "the name that .NET gives",
            "the bounds",
            "cannot be empty",
            "write the field's name",
            "`skip`",
        ];
        assert_told(&errors, &parts);
        assert!(model.wire.is_none());
        let item: ItemStruct = parse_quote! {
            #[derive(Serialize, Deserialize)]
            #[serde(rename_all = "camelCase", transparent, try_from = "u8", into = "u8")]
            struct Order<'a> {
                #[serde(rename = "x", bound = "")]
                id: &'a str,
                #[serde(skip)]
                skipped: u8,
            }
        };
        assert_eq!(shown(model.item), shown(item));
    }

    #[test]
    fn fields_need_names_of_their_own() {
        let (_, errors) = structure(parse_quote!(
            #[derive(Serialize)]
            struct Id(u8);
        ));
        assert_told(&errors, &["fields with names"]);
        let (_, errors) = structure(parse_quote!(
            #[derive(Serialize)]
            struct Id;
        ));
        assert_told(&errors, &["fields with names"]);
        let (_, errors) = structure(parse_quote! {
            #[derive(Serialize)]
            struct Order {
                #[dotnet(json = "B")]
                a: u8,
                #[dotnet(name = "x", json = "a")]
                c: u8,
                #[cfg(unix)]
                d: u8,
                #[cfg(windows)]
                d: u8,
                b: u8,
            }
        });
        let parts = ["called `a`", "other", "called `B`", "other"];
        assert_told(&errors, &parts);
    }

    #[test]
    fn what_serde_does_not_derive_has_no_shape() {
        for item in [
            parse_quote!(
                struct Order {
                    id: u8,
                }
            ),
            parse_quote!(
                #[derive(Clone, rkyv::Serialize)]
                struct Order {
                    id: u8,
                }
            ),
        ] {
            let (model, errors) = structure(item);
            assert_told(&errors, &["below it"]);
            assert!(model.wire.is_none());
        }
    }
}
