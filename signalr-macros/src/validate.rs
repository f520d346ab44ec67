//! Rules that hubs and receivers share, and those about more than one item.

use proc_macro2::Ident;
use quote::format_ident;
use syn::{
    Attribute, FnArg, GenericParam, Generics, ItemTrait, Pat, PatIdent, PatType, ReceiverKind,
    Signature, Type, TypeParamBound,
};

use crate::{errors::Errors, naming};

/// As many values travel in one call.
const MOST_ARGUMENTS: usize = 16;

/// One name on the wire.
pub(crate) struct Named<'a> {
    pub(crate) ident: &'a Ident,
    pub(crate) wire: &'a str,
    pub(crate) has_cfg: bool,
}

/// No two methods can have one name; two that are conditional are taken to exclude each other.
pub(crate) fn wire_names<'a>(
    what: &str,
    attribute: &str,
    names: impl Iterator<Item = Named<'a>>,
    errors: &mut Errors,
) {
    let mut seen: Vec<Named<'a>> = Vec::new();
    for name in names {
        let first = seen
            .iter()
            .find(|first| naming::clash(first.wire, name.wire) && !(first.has_cfg && name.has_cfg));
        if let Some(first) = first {
            let message = format!(
                "two {what} are called `{}` on the wire, where case does not count; \
                 rename one with `#[{attribute}(name = \"...\")]`",
                name.wire
            );
            errors.span(name.ident.span(), message);
            errors.span(first.ident.span(), "the other one is here");
        }
        seen.push(name);
    }
}

/// Tells of the first argument that is one too many.
pub(crate) fn at_most(count: usize, arg: &PatType, errors: &mut Errors) {
    if count == MOST_ARGUMENTS + 1 {
        let message = format!(
            "a call carries at most {MOST_ARGUMENTS} arguments; put some of them into a struct"
        );
        errors.at(arg, message);
    }
}

/// The name of an argument, which is not a pattern.
pub(crate) fn argument_name<'a>(arg: &'a PatType, errors: &mut Errors) -> Option<&'a Ident> {
    if let Some(cfg) = arg.attrs.iter().find(|attr| attr.path().is_ident("cfg")) {
        errors.at(
            cfg,
            "an argument can't be conditional: its place counts on the wire",
        );
    }
    match &*arg.pat {
        Pat::Ident(pat) if pat.subpat.is_none() => Some(&pat.ident),
        pattern => {
            let message = "arguments have names, so a pattern can't stand here; \
                 name the argument, and take it apart in the body";
            errors.at(pattern, message);
            None
        }
    }
}

/// Whether the method takes `&self`, however that is written.
pub(crate) fn takes_shared_self(sig: &Signature) -> bool {
    sig.receiver().is_some_and(|receiver| match &receiver.kind {
        ReceiverKind::Reference(_, _, mutability) => mutability.is_none(),
        ReceiverKind::Typed(_, ty) => match &**ty {
            Type::Reference(to) => to.mutability.is_none() && is_self(&to.elem),
            _ => false,
        },
        _ => false,
    })
}

fn is_self(ty: &Type) -> bool {
    matches!(ty, Type::Path(path) if path.path.is_ident("Self"))
}

/// The arguments after `self`.
pub(crate) fn typed(sig: &Signature) -> impl Iterator<Item = &PatType> {
    sig.inputs.iter().filter_map(|arg| match arg {
        FnArg::Typed(typed) => Some(typed),
        FnArg::Receiver(_) => None,
    })
}

/// The first generic parameter that is not a lifetime.
pub(crate) fn generic(generics: &Generics) -> Option<&GenericParam> {
    let mut params = generics.params.iter();
    params.find(|param| !matches!(param, GenericParam::Lifetime(_)))
}

/// `Send`, `Sync` and `'static` are implied; others would say something about who implements the trait.
pub(crate) fn supertraits(item: &mut ItemTrait, message: &str, errors: &mut Errors) {
    let is_implied = |bound: &TypeParamBound| match bound {
        TypeParamBound::Trait(bound) => bound.path.is_ident("Send") || bound.path.is_ident("Sync"),
        TypeParamBound::Lifetime(lifetime) => lifetime.ident == "static",
        _ => false,
    };
    for bound in std::mem::take(&mut item.supertraits) {
        if !is_implied(&bound) {
            errors.at(bound, message);
        }
    }
}

/// A pattern can't stand in a declaration: rustc would say so too, in its own words.
pub(crate) fn name_patterns(sig: &mut Signature) {
    for (place, arg) in sig.inputs.iter_mut().enumerate() {
        let FnArg::Typed(PatType { pat, .. }) = arg else {
            continue;
        };
        let ident = match &**pat {
            Pat::Ident(pat) => pat.ident.clone(),
            _ => format_ident!("__arg{place}"),
        };
        **pat = Pat::Ident(PatIdent {
            attrs: Vec::new(),
            by_ref: None,
            mutability: None,
            ident,
            subpat: None,
        });
    }
}

/// The conditions of a block and the lint levels in it, for a part of it that goes elsewhere.
pub(crate) fn inherited(attrs: &[Attribute]) -> Vec<Attribute> {
    const INHERITED: [&str; 5] = ["cfg", "allow", "warn", "deny", "forbid"];
    let is_inherited = |attr: &&Attribute| INHERITED.iter().any(|name| attr.path().is_ident(name));
    attrs.iter().filter(is_inherited).cloned().collect()
}

/// The conditions of an item, which whatever we make of it has to meet as well.
pub(crate) fn cfgs(attrs: &[Attribute]) -> Vec<Attribute> {
    let conditions = attrs.iter().filter(|attr| attr.path().is_ident("cfg"));
    conditions.cloned().collect()
}
