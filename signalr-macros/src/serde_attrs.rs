//! `#[serde(…)]` on types and fields, as far as `#[dotnet]` has to know it.

use quote::quote;
use syn::{
    Attribute, Expr, ExprLit, Lit, LitStr, Meta, MetaNameValue, Path, Token, WherePredicate,
    parse_quote_spanned, punctuated::Punctuated, spanned::Spanned,
};

use crate::{errors::Errors, model::Derives};

type Metas = Punctuated<Meta, Token![,]>;
type Sides = Punctuated<MetaNameValue, Token![,]>;
type Predicates = Punctuated<WherePredicate, Token![,]>;

/// What an item or a field tells serde.
pub(crate) struct SerdeAttrs(Vec<Meta>);

impl SerdeAttrs {
    /// Takes them off.
    pub(crate) fn take(attrs: &mut Vec<Attribute>, errors: &mut Errors) -> Self {
        let attrs = attrs.extract_if(.., |attr| attr.path().is_ident("serde"));
        let lists = attrs.filter_map(|attr| errors.keep(list(&attr)));
        Self(lists.flatten().collect())
    }

    /// All of them again, without these keys.
    pub(crate) fn attrs(&self, without: &[&str]) -> Vec<Attribute> {
        self.others(without)
            .map(|meta| parse_quote_spanned!(meta.span()=> #[serde(#meta)]))
            .collect()
    }

    pub(crate) fn find(&self, key: &str) -> Option<&Meta> {
        let mut metas = self.0.iter();
        metas.find(|meta| meta.path().is_ident(key))
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.find(key).is_some()
    }

    /// Whether it is there without a value.
    pub(crate) fn has_word(&self, key: &str) -> bool {
        matches!(self.find(key), Some(Meta::Path(_)))
    }

    /// Those with a key that is not among `known`.
    pub(crate) fn others(&self, known: &[&str]) -> impl Iterator<Item = &Meta> {
        let is_known = |meta: &Meta| known.iter().any(|key| meta.path().is_ident(key));
        self.0.iter().filter(move |meta| !is_known(meta))
    }

    /// The predicates of `bound = "…"`, or of `bound(serialize = "…")` where `side` is that.
    pub(crate) fn bound(&self, side: &str, errors: &mut Errors) -> Option<Vec<WherePredicate>> {
        let mut bounds = self.0.iter().filter(|meta| meta.path().is_ident("bound"));
        let text = bounds.find_map(|meta| match meta {
            Meta::NameValue(both) => text(&both.value),
            Meta::List(list) => {
                let sides = list.parse_args_with(Sides::parse_terminated);
                let mut sides = errors.keep(sides)?.into_iter();
                text(&sides.find(|pair| pair.path.is_ident(side))?.value)
            }
            Meta::Path(_) => None,
        })?;
        let predicates = errors.keep(text.parse_with(Predicates::parse_terminated))?;
        Some(predicates.into_iter().collect())
    }
}

/// Takes serde's traits off the `#[derive(…)]`s of a type.
pub(crate) fn take_derives(attrs: &mut Vec<Attribute>) -> Derives {
    let mut derives = Derives::default();
    attrs.retain_mut(|attr| {
        let parser = Punctuated::<Path, Token![,]>::parse_terminated;
        if !attr.path().is_ident("derive") {
            return true;
        }
        let Ok(paths) = attr.parse_args_with(parser) else {
            return true;
        };
        let mut rest = Vec::new();
        for path in paths {
            match &path {
                path if is_of_serde(path, "Serialize") => derives.serialize = Some(path.clone()),
                path if is_of_serde(path, "Deserialize") => {
                    derives.deserialize = Some(path.clone());
                }
                _ => rest.push(path),
            }
        }
        if let Meta::List(list) = &mut attr.meta {
            list.tokens = quote!(#(#rest),*);
        }
        !rest.is_empty()
    });
    derives
}

/// `Serialize`, `serde::Serialize` or `serde_derive::Serialize`, and no trait of another library.
fn is_of_serde(path: &Path, name: &str) -> bool {
    let mut segments = path.segments.iter().rev();
    segments.next().is_some_and(|last| last.ident == name)
        && segments.next().is_none_or(|before| {
            let before = &before.ident;
            before == "serde" || before == "serde_derive"
        })
}

/// Takes off what depends on conditions. Those on a type are decided before we see it; those inside are not, and what we do
/// cannot depend on them.
pub(crate) fn refuse_conditional(attrs: &mut Vec<Attribute>, errors: &mut Errors) {
    let is_ours = |meta: &Meta| meta.path().is_ident("serde") || meta.path().is_ident("dotnet");
    attrs.retain(|attr| {
        if !attr.path().is_ident("cfg_attr") {
            return true;
        }
        let metas = list(attr).unwrap_or_default();
        let mut ours = metas.iter().skip(1).filter(|meta| is_ours(meta)).peekable();
        let is_kept = ours.peek().is_none();
        for meta in ours {
            let message =
                "`#[dotnet]` comes before conditions are decided: write this without `cfg_attr`";
            errors.at(meta, message);
        }
        is_kept
    });
}

fn list(attr: &Attribute) -> syn::Result<Metas> {
    attr.parse_args_with(Metas::parse_terminated)
}

fn text(value: &Expr) -> Option<LitStr> {
    match value {
        Expr::Lit(ExprLit {
            lit: Lit::Str(text),
            ..
        }) => Some(text.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use quote::ToTokens;
    use syn::parse_quote;

    use super::*;

    fn shown(tokens: impl ToTokens) -> String {
        tokens.into_token_stream().to_string()
    }

    fn taken(mut attrs: Vec<Attribute>) -> SerdeAttrs {
        let mut errors = Errors::default();
        let serde = SerdeAttrs::take(&mut attrs, &mut errors);
        assert!(errors.is_empty() && attrs.is_empty());
        serde
    }

    #[test]
    fn options_are_found_and_written_again_but_for_some() {
        let serde = taken(vec![
            parse_quote!(#[serde(default, with = "text")]),
            parse_quote!(#[serde(crate = "other::serde", rename(serialize = "x"))]),
        ]);
        assert!(serde.has("with") && serde.has("rename") && !serde.has("skip"));
        assert!(serde.has_word("default") && !serde.has_word("with"));
        let attrs = serde.attrs(&["default", "crate"]).into_iter().map(shown);
        assert_eq!(
            attrs.collect::<Vec<_>>(),
            [
                "# [serde (with = \"text\")]",
                "# [serde (rename (serialize = \"x\"))]"
            ]
        );
    }

    #[test]
    fn bounds_are_read_from_either_form() {
        let mut errors = Errors::default();
        let mut bound = |serde: &SerdeAttrs, side| {
            let predicates = serde.bound(side, &mut errors)?;
            Some(shown(quote!(#(#predicates),*)))
        };
        let both = taken(vec![parse_quote!(#[serde(bound = "T: A, U: B")])]);
        for side in ["serialize", "deserialize"] {
            assert_eq!(bound(&both, side).as_deref(), Some("T : A , U : B"));
        }
        let one = taken(vec![
            parse_quote!(#[serde(bound(serialize = ""))]),
            parse_quote!(#[serde(bound(deserialize = "T: A"))]),
        ]);
        assert_eq!(bound(&one, "serialize").as_deref(), Some(""));
        assert_eq!(bound(&one, "deserialize").as_deref(), Some("T : A"));
        assert_eq!(bound(&taken(vec![]), "serialize"), None);
        let broken = taken(vec![parse_quote!(#[serde(bound = "T A")])]);
        assert_eq!(bound(&broken, "serialize"), None);
        assert_eq!(errors.messages().len(), 1);
    }

    #[test]
    fn only_the_derives_of_serde_are_taken() {
        let mut attrs = vec![
            parse_quote!(#[derive(Clone, Serialize, Debug)]),
            parse_quote!(#[derive(::serde::Deserialize)]),
            parse_quote!(#[derive(rkyv::Serialize)]),
        ];
        let derives = take_derives(&mut attrs);
        assert_eq!(shown(derives.serialize), "Serialize");
        assert_eq!(shown(derives.deserialize), ":: serde :: Deserialize");
        let rest: Vec<_> = attrs.into_iter().map(shown).collect();
        let expected = [
            "# [derive (Clone , Debug)]",
            "# [derive (rkyv :: Serialize)]",
        ];
        assert_eq!(rest, expected);
    }
}
