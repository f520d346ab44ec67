//! What a client reads where a server lends: the owned type of a value.

use std::iter::Peekable;

use proc_macro2::{Delimiter, Group, Span, TokenStream, TokenTree, token_stream::IntoIter};
use quote::quote_spanned;

use crate::types::{is_and, is_word, with_lifetimes};

type Tokens = Peekable<IntoIter>;

/// `Vec<(String, Row)>` of `Vec<(&str, &Row)>`: what is lent is owned, and what has a lifetime lives as long as one likes.
pub(crate) fn owned(ty: TokenStream) -> TokenStream {
    let mut tokens = with_lifetimes(ty, "static").into_iter().peekable();
    let mut owned = TokenStream::new();
    while let Some(token) = tokens.next() {
        if is_and(&token) {
            owned.extend(referent(token, &mut tokens));
        } else {
            owned.extend([inside(token)]);
        }
    }
    owned
}

fn inside(token: TokenTree) -> TokenTree {
    match token {
        TokenTree::Group(group) => {
            let mut inner = Group::new(group.delimiter(), owned(group.stream()));
            inner.set_span(group.span());
            inner.into()
        }
        token => token,
    }
}

/// What stands behind a `&`, or its owned form. A `dyn` stays behind its `&`.
fn referent(and: TokenTree, tokens: &mut Tokens) -> TokenStream {
    let span = and.span();
    let lifetime: Vec<_> = match tokens.peek() {
        Some(TokenTree::Punct(punct)) if punct.as_char() == '\'' => {
            tokens.by_ref().take(2).collect()
        }
        _ => Vec::new(),
    };
    match tokens.peek() {
        Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::None => {
            let inner = group.stream();
            tokens.next();
            let mut all = TokenStream::from(and);
            all.extend(inner);
            owned(all)
        }
        Some(TokenTree::Group(group)) if is_slice(group) => {
            let item = owned(group.stream());
            tokens.next();
            quote_spanned!(span=> ::std::vec::Vec<#item>)
        }
        Some(token) if is_word(token, "dyn") => {
            let mut kept = TokenStream::from(and);
            kept.extend(lifetime);
            kept
        }
        _ => path(tokens, span),
    }
}

fn is_slice(group: &Group) -> bool {
    let is_length = |token| matches!(token, TokenTree::Punct(punct) if punct.as_char() == ';');
    group.delimiter() == Delimiter::Bracket && !group.stream().into_iter().any(is_length)
}

/// The path that follows, as far as it has no arguments; the owned form of what has no size.
fn path(tokens: &mut Tokens, span: Span) -> TokenStream {
    let mut path = Vec::new();
    let is_part = |token: &TokenTree| match token {
        TokenTree::Ident(_) => true,
        TokenTree::Punct(punct) => punct.as_char() == ':',
        _ => false,
    };
    while let Some(token) = tokens.next_if(is_part) {
        path.push(token);
    }
    match path.last() {
        Some(last) if is_word(last, "str") => quote_spanned!(span=> ::std::string::String),
        Some(last) if is_word(last, "Path") => quote_spanned!(span=> ::std::path::PathBuf),
        _ => path.into_iter().collect(),
    }
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::*;

    #[track_caller]
    fn assert_owned(lent: TokenStream, expected: &TokenStream) {
        let without_spaces = |tokens: &TokenStream| tokens.to_string().replace(' ', "");
        assert_eq!(without_spaces(&owned(lent)), without_spaces(expected));
    }

    #[test]
    fn what_is_lent_becomes_owned_at_any_depth() {
        assert_owned(quote!(&'a str), &quote!(::std::string::String));
        assert_owned(quote!(&Point), &quote!(Point));
        assert_owned(
            quote!(Vec<(&str, &[&'a Row<'a>])>),
            &quote!(Vec<(::std::string::String, ::std::vec::Vec<Row<'static>>)>),
        );
        assert_owned(quote!(&'static [u8; 4]), &quote!([u8; 4]));
        assert_owned(quote!(&std::path::Path), &quote!(::std::path::PathBuf));
        assert_owned(quote!(&&'a str), &quote!(::std::string::String));
    }

    #[test]
    fn what_is_owned_lives_as_long_as_one_likes() {
        assert_owned(quote!(Cow<'_, str>), &quote!(Cow<'static, str>));
        assert_owned(quote!(Option<R::Row>), &quote!(Option<R::Row>));
        assert_owned(quote!(&'a dyn Shape), &quote!(&'static dyn Shape));
    }
}
