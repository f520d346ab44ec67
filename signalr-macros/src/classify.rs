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

use syn::{
    Error, PathArguments, ReturnType, Type, TypeReference, parse_quote_spanned, spanned::Spanned,
};

use crate::{
    model::{Fallible, Items, Lend, Outcome, Wire, Yields},
    types::{arguments, associated, bound, ends_in, find, is_and, is_unit, is_word, last, peel},
};

/// What an argument is.
#[expect(clippy::large_enum_variant, reason = "it lives for one argument")]
pub(crate) enum Class {
    Context,
    Upload,
    Cancellation,
    Wire(Wire),
}

const NO_IMPL: &str = "arguments are read from the wire, so they need a concrete type";
const NO_STREAM: &str = "arguments need a concrete type; an upload is a `Receiver<T>`";
const NO_MUT: &str = "arguments are read from the wire: take them by value, or lent as `&T`";
const NO_CONTEXT: &str = "take the context by shared reference: `cx: &Context<Self>`";
const NOT_YET: &str = "`Connecting` is for `on_connected`; a method takes `cx: &Context<Self>`";
const NESTED: &str = "arguments are decoded into owned values, \
    so inside of another type write `String` for `&str`, and `T` for `&T`";

pub(crate) fn argument(ty: &Type) -> syn::Result<Class> {
    match peel(ty) {
        Type::Reference(reference) => referenced(reference),
        Type::ImplTrait(imp) if bound(&imp.bounds, "Stream").is_some() => {
            Err(Error::new_spanned(ty, NO_STREAM))
        }
        Type::ImplTrait(_) | Type::TraitObject(_) => Err(Error::new_spanned(ty, NO_IMPL)),
        path if ends_in(path, "Context") => Err(Error::new_spanned(ty, NO_CONTEXT)),
        path if ends_in(path, "Connecting") => Err(Error::new_spanned(ty, NOT_YET)),
        path if ends_in(path, "CancellationToken") => Ok(Class::Cancellation),
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
    if ends_in(to, "CancellationToken") {
        let message = "take the token by value: `CancellationToken`";
        return Err(Error::new_spanned(reference, message));
    }
    if ends_in(to, "Receiver") {
        let message = "take an upload by value: `Receiver<T>`";
        return Err(Error::new_spanned(reference, message));
    }
    if ends_in(to, "Context") {
        return match reference.mutability {
            None => Ok(Class::Context),
            Some(_) => Err(Error::new_spanned(reference, NO_CONTEXT)),
        };
    }
    if ends_in(to, "Connecting") {
        return Err(Error::new_spanned(reference, NOT_YET));
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
            let ty = parse_quote_spanned!(ty.span()=> ::core::option::Option<#inner>);
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
        Type::Path(path) if path.path.is_ident("str") => {
            parse_quote_spanned!(ty.span()=> ::std::string::String)
        }
        Type::Slice(slice) => {
            let item = &slice.elem;
            parse_quote_spanned!(item.span()=> ::std::vec::Vec<#item>)
        }
        ty => ty.clone(),
    }
}

fn is_unsized(ty: &Type) -> bool {
    matches!(ty, Type::Slice(_)) || matches!(ty, Type::Path(path) if path.path.is_ident("str"))
}

fn concrete(wire: Wire) -> syn::Result<Wire> {
    if let Some(reference) = find(&wire.ty, &is_and) {
        return Err(Error::new(reference.span(), NESTED));
    }
    match find(&wire.ty, &|token| is_word(token, "impl")) {
        Some(generic) => Err(Error::new(generic.span(), NO_IMPL)),
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

/// What is inside a `Result`, by its name; `_` where a bare `Result` does not say.
pub(crate) fn fallible(ty: &Type) -> Option<(Type, Fallible)> {
    let segment = last(ty)?;
    let exact = segment.ident == "Result";
    let mut arguments = arguments(segment);
    let inner = match arguments.next() {
        Some(inner) => inner.clone(),
        None if exact => parse_quote_spanned!(ty.span()=> _),
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
            item.map(|_| Yields::Received(ty.clone()))
                .ok_or_else(unnamed)
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
    let (item, fallible) = match fallible(item) {
        Some((item, fallible)) => (item, Some(fallible)),
        None => (item.clone(), None),
    };
    Yields::Items(Box::new(Items { item, fallible }))
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

#[cfg(test)]
#[expect(
    clippy::needless_pass_by_value,
    reason = "`parse_quote!` makes what it is given"
)]
mod tests {
    use quote::ToTokens;
    use syn::parse_quote;

    use super::*;

    fn wire(ty: Type) -> (String, Lend) {
        match argument(&ty) {
            Ok(Class::Wire(Wire { ty, lend })) => (ty.to_token_stream().to_string(), lend),
            Ok(_) => panic!("not a value"),
            Err(error) => panic!("{error}"),
        }
    }

    fn refused(ty: Type) -> String {
        let Err(error) = argument(&ty) else {
            panic!("not refused");
        };
        error.to_string()
    }

    /// `result? stream? type`
    fn returned(output: ReturnType) -> String {
        let Outcome { fallible, yields } = outcome(&output).expect("an outcome");
        let result = match fallible {
            Some(Fallible { by_name: true, .. }) => "by name: ",
            Some(_) => "fallible: ",
            None => "",
        };
        let yields = match yields {
            Yields::Unit => "nothing".to_owned(),
            Yields::Value(ty) => ty.to_token_stream().to_string(),
            Yields::Received(ty) => format!("received {}", ty.to_token_stream()),
            Yields::Items(items) => {
                let tries = if items.fallible.is_some() {
                    "tried "
                } else {
                    ""
                };
                format!("{tries}items {}", items.item.to_token_stream())
            }
        };
        format!("{result}{yields}").replace(' ', "")
    }

    #[test]
    fn owned_arguments_are_given() {
        assert_eq!(wire(parse_quote!(String)), ("String".into(), Lend::Given));
        assert_eq!(wire(parse_quote!(Option<u8>)).1, Lend::Given);
        assert_eq!(wire(parse_quote!((u8, Self))).1, Lend::Given);
    }

    #[test]
    fn references_are_decoded_owned_and_lent() {
        let lent = |ty: &str| (ty.to_owned(), Lend::Lent);
        assert_eq!(wire(parse_quote!(&str)), lent(":: std :: string :: String"));
        assert_eq!(wire(parse_quote!(&'a Point)), lent("Point"));
        assert_eq!(
            wire(parse_quote!(&[u8])),
            lent(":: std :: vec :: Vec < u8 >")
        );
        assert_eq!(wire(parse_quote!(Option<&Point>)).1, Lend::LentInOption);
        assert_eq!(
            wire(parse_quote!(Option<&str>)).1,
            Lend::LentInOptionUnsized
        );
        assert_eq!(
            wire(parse_quote!(Option<&[u8]>)).1,
            Lend::LentInOptionUnsized
        );
    }

    #[test]
    fn contexts_uploads_and_tokens_are_known_by_their_names() {
        let class = |ty: Type| argument(&ty);
        assert!(matches!(
            class(parse_quote!(&Context<Self>)),
            Ok(Class::Context)
        ));
        assert!(matches!(
            class(parse_quote!(&signalr::Context<Chat>)),
            Ok(Class::Context)
        ));
        assert!(matches!(
            class(parse_quote!(Receiver<u8>)),
            Ok(Class::Upload)
        ));
        assert!(matches!(
            class(parse_quote!(mpsc::Receiver<u8>)),
            Ok(Class::Upload)
        ));
        assert!(matches!(
            class(parse_quote!(signalr::CancellationToken)),
            Ok(Class::Cancellation)
        ));
    }

    #[test]
    fn what_cannot_be_an_argument_says_what_can() {
        assert!(refused(parse_quote!(Context<Self>)).contains("`cx: &Context<Self>`"));
        assert!(refused(parse_quote!(&mut Context<Self>)).contains("`cx: &Context<Self>`"));
        assert!(refused(parse_quote!(&Connecting<Self>)).contains("`on_connected`"));
        assert!(refused(parse_quote!(Receiver)).contains("`Receiver<T>`"));
        assert!(refused(parse_quote!(&mut Receiver<u8>)).contains("by value"));
        assert!(refused(parse_quote!(&CancellationToken)).contains("by value"));
        assert!(refused(parse_quote!(impl Stream<Item = u8>)).contains("`Receiver<T>`"));
        assert!(refused(parse_quote!(&dyn Show)).contains("concrete type"));
        assert!(refused(parse_quote!(Vec<impl Show>)).contains("concrete type"));
        assert!(refused(parse_quote!(&mut String)).contains("`&T`"));
        assert!(refused(parse_quote!(Vec<&str>)).contains("`String` for `&str`"));
    }

    #[test]
    fn values_are_what_is_not_anything_else() {
        assert_eq!(returned(parse_quote!()), "nothing");
        assert_eq!(returned(parse_quote!(-> ())), "nothing");
        assert_eq!(returned(parse_quote!(-> Point)), "Point");
        assert_eq!(returned(parse_quote!(-> impl Serialize)), "implSerialize");
        assert_eq!(returned(parse_quote!(-> SearchResult)), "SearchResult");
        assert_eq!(
            returned(parse_quote!(-> Vec<Receiver<u8>>)),
            "Vec<Receiver<u8>>"
        );
    }

    #[test]
    fn results_are_known_by_their_names() {
        assert_eq!(returned(parse_quote!(-> Result<u8, E>)), "fallible:u8");
        assert_eq!(returned(parse_quote!(-> Result<(), E>)), "fallible:nothing");
        assert_eq!(returned(parse_quote!(-> io::Result<u8>)), "fallible:u8");
        assert_eq!(returned(parse_quote!(-> Result)), "fallible:_");
        assert_eq!(returned(parse_quote!(-> ApiResult<u8>)), "byname:u8");
    }

    #[test]
    fn streams_are_known_by_their_bounds_and_names() {
        for ty in [
            "impl Stream<Item = u8> + Send",
            "impl futures::Stream<Item = u8>",
            "Pin<Box<dyn Stream<Item = u8> + Send + '_>>",
            "BoxStream<'static, u8>",
            "ItemStream<u8>",
            "ReceiverStream<u8>",
        ] {
            let output = syn::parse_str(&format!("-> {ty}")).expect("a type");
            assert_eq!(returned(output), "itemsu8", "{ty}");
        }
        assert_eq!(
            returned(parse_quote!(-> Receiver<u8>)),
            "receivedReceiver<u8>"
        );
        assert_eq!(
            returned(parse_quote!(-> Result<BoxStream<'_, io::Result<u8>>, E>)),
            "fallible:trieditemsu8"
        );
    }

    #[test]
    fn streams_without_items_and_futures_are_refused() {
        let refused = |output: ReturnType| match outcome(&output) {
            Err(error) => error.to_string(),
            Ok(_) => panic!("not refused"),
        };
        assert!(refused(parse_quote!(-> impl Stream)).contains("`impl Stream<Item = T>`"));
        assert!(refused(parse_quote!(-> Receiver)).contains("`impl Stream<Item = T>`"));
        assert!(refused(parse_quote!(-> Result<BoxStream, E>)).contains("type of the items"));
        assert!(refused(parse_quote!(-> impl Future<Output = u8>)).contains("`async fn`"));
    }

    #[test]
    fn only_unknown_names_could_be_aliases() {
        assert!(could_be_alias(&parse_quote!(Outcome)));
        assert!(could_be_alias(&parse_quote!(api::Outcome<u8>)));
        assert!(!could_be_alias(&parse_quote!(Vec<Outcome>)));
        assert!(!could_be_alias(&parse_quote!(&Outcome)));
        assert!(!could_be_alias(&parse_quote!(_)));
    }
}
