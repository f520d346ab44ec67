//! Questions about types as they are written.

use proc_macro2::{Group, Ident, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{
    GenericArgument, Lifetime, PathArguments, PathSegment, TraitBound, Type, TypeParamBound,
    punctuated::Punctuated,
};

/// The type without the invisible or visible parentheses around it.
pub(crate) fn peel(ty: &Type) -> &Type {
    match ty {
        Type::Group(group) => peel(&group.elem),
        Type::Paren(paren) => peel(&paren.elem),
        ty => ty,
    }
}

/// The last segment of a path: `Receiver<T>` of `signalr::Receiver<T>`.
pub(crate) fn last(ty: &Type) -> Option<&PathSegment> {
    match peel(ty) {
        Type::Path(path) => path.path.segments.last(),
        _ => None,
    }
}

/// Whether the type is a path that ends in `name`.
pub(crate) fn ends_in(ty: &Type, name: &str) -> bool {
    last(ty).is_some_and(|segment| segment.ident == name)
}

/// The type arguments of a segment: `A` and `B` of `Map<'a, A, B>`.
pub(crate) fn arguments(segment: &PathSegment) -> impl Iterator<Item = &Type> {
    let args = match &segment.arguments {
        PathArguments::AngleBracketed(angle) => Some(&angle.args),
        _ => None,
    };
    args.into_iter().flatten().filter_map(|arg| match arg {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })
}

/// The bound called `name` among those of an `impl Trait` or `dyn Trait`.
pub(crate) fn bound<'a, P>(
    bounds: &'a Punctuated<TypeParamBound, P>,
    name: &str,
) -> Option<&'a PathSegment> {
    bounds.iter().find_map(|bound| match bound {
        TypeParamBound::Trait(TraitBound { path, .. }) => {
            path.segments.last().filter(|segment| segment.ident == name)
        }
        _ => None,
    })
}

/// The associated type `name` that a bound fixes: `T` of `Stream<Item = T>`.
pub(crate) fn associated<'a>(segment: &'a PathSegment, name: &str) -> Option<&'a Type> {
    let PathArguments::AngleBracketed(angle) = &segment.arguments else {
        return None;
    };
    angle.args.iter().find_map(|arg| match arg {
        GenericArgument::AssocType(assoc) if assoc.ident == name => Some(&assoc.ty),
        _ => None,
    })
}

/// Whether the type is `()`.
pub(crate) fn is_unit(ty: &Type) -> bool {
    matches!(peel(ty), Type::Tuple(tuple) if tuple.elems.is_empty())
}

/// The first token that `found` accepts, at any depth.
pub(crate) fn find(
    tokens: impl ToTokens,
    found: &impl Fn(&TokenTree) -> bool,
) -> Option<TokenTree> {
    tokens.into_token_stream().into_iter().find_map(|token| {
        if found(&token) {
            return Some(token);
        }
        match token {
            TokenTree::Group(group) => find(group.stream(), found),
            _ => None,
        }
    })
}

/// Whether the token is a `&`.
pub(crate) fn is_and(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == '&')
}

/// Whether the token is this keyword or name.
pub(crate) fn is_word(token: &TokenTree, word: &str) -> bool {
    matches!(token, TokenTree::Ident(ident) if ident == word)
}

/// Whether the token is `Self`.
pub(crate) fn is_self(token: &TokenTree) -> bool {
    is_word(token, "Self")
}

/// The tokens with `with` for every `Self`, for a place where that is another type.
pub(crate) fn replace_self(tokens: impl ToTokens, with: &TokenStream) -> TokenStream {
    let replace = |token| match token {
        token if is_self(&token) => with.clone(),
        TokenTree::Group(group) => {
            let inner = replace_self(group.stream(), with);
            let mut replaced = Group::new(group.delimiter(), inner);
            replaced.set_span(group.span());
            TokenTree::Group(replaced).into()
        }
        token => token.into(),
    };
    let tokens = tokens.into_token_stream().into_iter();
    tokens.flat_map(replace).collect()
}

/// The tokens with every lifetime but `'static` called `name`: what a signature names or leaves
/// out can't be named, or left out, elsewhere.
pub(crate) fn with_lifetimes(tokens: impl ToTokens, name: &str) -> TokenStream {
    let mut after_quote = false;
    let rename = |token| match token {
        TokenTree::Ident(ident) if after_quote && ident != "static" => {
            after_quote = false;
            TokenTree::Ident(Ident::new(name, ident.span()))
        }
        TokenTree::Group(group) => {
            let inner = with_lifetimes(group.stream(), name);
            let mut renamed = Group::new(group.delimiter(), inner);
            renamed.set_span(group.span());
            TokenTree::Group(renamed)
        }
        token => {
            after_quote = matches!(&token, TokenTree::Punct(punct) if punct.as_char() == '\'');
            token
        }
    };
    tokens.into_token_stream().into_iter().map(rename).collect()
}

/// The same, where lifetimes that are left out behind a `&` are called `name` too.
pub(crate) fn with_all_lifetimes(tokens: impl ToTokens, name: &str) -> TokenStream {
    let mut tokens = with_lifetimes(tokens, name).into_iter().peekable();
    let mut all = TokenStream::new();
    while let Some(token) = tokens.next() {
        let is_and = is_and(&token);
        let span = token.span();
        all.extend([match token {
            TokenTree::Group(group) => {
                let mut renamed =
                    Group::new(group.delimiter(), with_all_lifetimes(group.stream(), name));
                renamed.set_span(group.span());
                TokenTree::Group(renamed)
            }
            token => token,
        }]);
        let named = matches!(tokens.peek(), Some(TokenTree::Punct(p)) if p.as_char() == '\'');
        if is_and && !named {
            Lifetime::new(&format!("'{name}"), span).to_tokens(&mut all);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use quote::quote;
    use syn::parse_quote;

    use super::*;

    #[test]
    fn a_path_is_known_by_its_end() {
        let ty: Type = parse_quote!((tokio::sync::mpsc::Receiver<String>));
        assert!(ends_in(&ty, "Receiver"));
        let item = last(&ty).and_then(|segment| arguments(segment).next());
        assert_eq!(item.to_token_stream().to_string(), "String");
    }

    #[test]
    fn lifetimes_are_renamed_at_any_depth_and_static_stays() {
        let ty = quote!(Map<'a, (Row<'_>, &'static str)>);
        let expected = quote!(Map<'x, (Row<'x>, &'static str)>);
        assert_eq!(with_lifetimes(ty, "x").to_string(), expected.to_string());
    }

    #[test]
    fn lifetimes_that_are_left_out_are_named() {
        let ty = quote!(&Map<'a, [&'static u8; 1], Option<(&Row<'_>, &'b u8)>>);
        let expected = quote!(&'x Map<'x, [&'static u8; 1], Option<(&'x Row<'x>, &'x u8)>>);
        assert_eq!(
            with_all_lifetimes(ty, "x").to_string(),
            expected.to_string()
        );
    }

    #[test]
    fn self_is_replaced_at_any_depth() {
        let replaced = replace_self(quote!(Vec<(Self, [Self; 2])>), &quote!(Page<T>));
        let expected = quote!(Vec<(Page<T>, [Page<T>; 2])>);
        assert_eq!(replaced.to_string(), expected.to_string());
    }

    #[test]
    fn references_and_self_are_found_at_any_depth() {
        assert!(find(quote!(Vec<(u8, &str)>), &is_and).is_some());
        assert!(find(quote!(Vec<(u8, String)>), &is_and).is_none());
        assert!(find(quote!(Option<[Self; 2]>), &is_self).is_some());
    }
}
