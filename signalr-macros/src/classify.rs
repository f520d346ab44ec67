//! The one table of what a type means, read from the way it is written.
//!
//! | argument | is |
//! |---|---|
//! | `&Context<Self>` | the context of the call |
//! | `Receiver<T>` | an upload |
//! | `&str`, `&[T]`, `&T`, `Option<&…>` | decoded owned, and lent |
//! | any other `T` | decoded |
//!
//! | return type | is |
//! |---|---|
//! | nothing, `()` | no value |
//! | `impl Stream<Item = T>`, a boxed one, `BoxStream`, `ItemStream`, `ReceiverStream` | a stream |
//! | `Receiver<T>` | a stream from a channel |
//! | `Result<…>`, `…Result<T, …>` | fallible; what is inside is one of the others |
//! | any other `T` | a value |
//!
//! Each class is then held to a trait bound, at the type, by what it expands to.

use syn::{Error, PathArguments, ReturnType, Type, TypeReference, parse_quote};

use crate::{
    model::{Fallible, Lend, Outcome, Wire, Yields},
    types::{arguments, associated, bound, ends_in, find, is_and, is_unit, last, peel},
};

/// What an argument is.
pub(crate) enum Class {
    Context,
    Upload,
    Wire(Wire),
}

const NO_IMPL: &str = "arguments are read from the wire, so they need a concrete type";
const NO_MUT: &str = "arguments are read from the wire: take them by value, or lent as `&T`";
const NESTED: &str = "a reference can only be the whole type or inside an `Option`, because \
    arguments are decoded into owned values; own the inner ones, as in `Vec<String>`";

pub(crate) fn argument(ty: &Type) -> syn::Result<Class> {
    match peel(ty) {
        Type::Reference(reference) => referenced(reference),
        Type::ImplTrait(_) | Type::TraitObject(_) => Err(Error::new_spanned(ty, NO_IMPL)),
        path if ends_in(path, "Context") => Err(Error::new_spanned(
            ty,
            "take the context by reference: `cx: &Context<Self>`",
        )),
        path if ends_in(path, "Receiver") => match last(path).map(|s| arguments(s).count()) {
            Some(1) => Ok(Class::Upload),
            _ => Err(Error::new_spanned(
                ty,
                "an upload needs the type of its items: `Receiver<T>`",
            )),
        },
        owned => Ok(Class::Wire(optional(owned)?)),
    }
}

fn referenced(reference: &TypeReference) -> syn::Result<Class> {
    let to = peel(&reference.elem);
    if ends_in(to, "Receiver") {
        let message = "take an upload by value: `Receiver<T>`";
        return Err(Error::new_spanned(reference, message));
    }
    if ends_in(to, "Context") {
        return match reference.mutability {
            None => Ok(Class::Context),
            Some(_) => Err(Error::new_spanned(
                reference,
                "take the context by shared reference: `cx: &Context<Self>`",
            )),
        };
    }
    if reference.mutability.is_some() {
        return Err(Error::new_spanned(reference, NO_MUT));
    }
    if matches!(to, Type::ImplTrait(_) | Type::TraitObject(_)) {
        return Err(Error::new_spanned(reference, NO_IMPL));
    }
    let wire = Wire {
        ty: owned(to),
        lend: Lend::Lent,
    };
    concrete(wire).map(Class::Wire)
}

/// An owned type, or an `Option` of a reference.
fn optional(ty: &Type) -> syn::Result<Wire> {
    let inner = last(ty)
        .filter(|segment| segment.ident == "Option")
        .and_then(|segment| arguments(segment).next());
    let wire = match inner.map(peel) {
        Some(Type::Reference(inner)) if inner.mutability.is_none() => {
            let to = peel(&inner.elem);
            let inner = owned(to);
            let lend = match is_unsized(to) {
                true => Lend::LentInOptionUnsized,
                false => Lend::LentInOption,
            };
            let ty = parse_quote!(::core::option::Option<#inner>);
            Wire { ty, lend }
        }
        _ => Wire {
            ty: ty.clone(),
            lend: Lend::Given,
        },
    };
    concrete(wire)
}

/// What can be decoded to lend a `ty`.
fn owned(ty: &Type) -> Type {
    match ty {
        Type::Path(path) if path.path.is_ident("str") => parse_quote!(::std::string::String),
        Type::Slice(slice) => {
            let item = &slice.elem;
            parse_quote!(::std::vec::Vec<#item>)
        }
        ty => ty.clone(),
    }
}

fn is_unsized(ty: &Type) -> bool {
    matches!(ty, Type::Slice(_)) || matches!(ty, Type::Path(path) if path.path.is_ident("str"))
}

fn concrete(wire: Wire) -> syn::Result<Wire> {
    match find(&wire.ty, &is_and) {
        Some(reference) => Err(Error::new(reference.span(), NESTED)),
        None => Ok(wire),
    }
}

pub(crate) fn outcome(output: &ReturnType) -> syn::Result<Outcome> {
    let ReturnType::Type(_, ty) = output else {
        return Ok(Outcome {
            fallible: None,
            yields: Yields::Unit,
        });
    };
    Ok(match fallible(ty) {
        Some((inner, fallible)) => Outcome {
            yields: yields(&inner)?,
            fallible: Some(fallible),
        },
        None => Outcome {
            yields: yields(ty)?,
            fallible: None,
        },
    })
}

/// What is inside a `Result`, by its name.
pub(crate) fn fallible(ty: &Type) -> Option<(Type, Fallible)> {
    let segment = last(ty)?;
    let exact = segment.ident == "Result";
    let mut arguments = arguments(segment);
    let inner = match arguments.next() {
        Some(inner) => inner.clone(),
        None if exact => parse_quote!(()),
        None => return None,
    };
    let named = exact || segment.ident.to_string().ends_with("Result");
    named.then(|| {
        let fallible = Fallible {
            ty: ty.clone(),
            error: arguments.next().cloned(),
            by_name: !exact,
        };
        (inner, fallible)
    })
}

fn yields(ty: &Type) -> syn::Result<Yields> {
    let unnamed = || Error::new_spanned(ty, "name the type of the items: `impl Stream<Item = T>`");
    match peel(ty) {
        unit if is_unit(unit) => Ok(Yields::Unit),
        Type::ImplTrait(imp) if bound(&imp.bounds, "Future").is_some() => Err(Error::new_spanned(
            ty,
            "write the method as `async fn`, with what the future yields as its return type",
        )),
        path if ends_in(path, "Receiver") => {
            let item = last(path).and_then(|segment| arguments(segment).next());
            item.map(|_| Yields::Received(ty.clone())).ok_or_else(unnamed)
        }
        other => match stream(other) {
            Some(item) => Ok(items(item.ok_or_else(unnamed)?)),
            None => Ok(Yields::Value(ty.clone())),
        },
    }
}

/// The item type, if this is a stream and if it is named.
fn stream(ty: &Type) -> Option<Option<&Type>> {
    match peel(ty) {
        Type::ImplTrait(imp) => Some(associated(bound(&imp.bounds, "Stream")?, "Item")),
        Type::TraitObject(object) => Some(associated(bound(&object.bounds, "Stream")?, "Item")),
        path => {
            let segment = last(path)?;
            let name = segment.ident.to_string();
            match name.as_str() {
                "Pin" | "Box" => stream(arguments(segment).next()?),
                "BoxStream" | "ItemStream" | "ReceiverStream" | "UnboundedReceiverStream" => {
                    Some(arguments(segment).next())
                }
                _ => None,
            }
        }
    }
}

fn items(item: &Type) -> Yields {
    match fallible(item) {
        Some((item, fallible)) => Yields::Items {
            item,
            fallible: Some(fallible),
        },
        None => Yields::Items {
            item: item.clone(),
            fallible: None,
        },
    }
}

/// Whether the name might stand for a `Result`: any path but the names that everybody knows.
pub(crate) fn could_be_alias(ty: &Type) -> bool {
    const KNOWN: [&str; 26] = [
        "bool", "char", "String", "str", "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16",
        "i32", "i64", "i128", "isize", "f32", "f64", "Vec", "Option", "Box", "Arc", "HashMap",
        "HashSet", "BTreeMap", "Self",
    ];
    match peel(ty) {
        Type::Path(path) => path.path.segments.last().is_some_and(|segment| {
            let known = KNOWN.iter().any(|name| segment.ident == name);
            !known || matches!(segment.arguments, PathArguments::Parenthesized(_))
        }),
        Type::Macro(_) => true,
        _ => false,
    }
}
