//! The grammar inside `#[hub(…)]`, `#[receiver(…)]` and `#[dotnet(…)]`: options of the form `key = value`.

use proc_macro2::{Ident, TokenStream};
use syn::{
    Attribute, Lit, LitStr, Meta, Path, Token, Type, Visibility,
    ext::IdentExt,
    parse::{ParseStream, Parser},
    parse_quote_spanned,
};

use crate::{errors::Errors, model::ProxyName, naming::Case};

/// `#[hub(client = ChatClient, session = Session, rename_all = "PascalCase", name = "Chat", proxy = Chats)]`
#[derive(Default)]
pub(crate) struct HubArgs {
    pub(crate) client: Option<Path>,
    pub(crate) session: Option<Type>,
    pub(crate) case: Case,
    pub(crate) name: Option<String>,
    pub(crate) proxy: Option<ProxyName>,
}

/// `#[receiver(rename_all = "PascalCase")]` on a trait.
#[derive(Default)]
pub(crate) struct ReceiverArgs {
    pub(crate) case: Case,
}

/// Where options stand, and which ones are known there: key, and how to write it.
struct Place {
    attribute: &'static str,
    known: &'static [(&'static str, &'static str)],
}

const HUB: Place = Place {
    attribute: "hub",
    known: &[
        ("client", "client = Trait"),
        ("session", "session = Type"),
        ("rename_all", "rename_all = \"PascalCase\""),
        ("name", "name = \"...\""),
        ("proxy", "proxy = ChatProxy"),
    ],
};
/// On an `impl` of a contract, which has the names.
const IMPLEMENTATION: Place = Place {
    attribute: "hub",
    known: &[
        ("client", "client = Trait"),
        ("session", "session = Type"),
        ("name", "name = \"...\""),
    ],
};
const CONTRACT: Place = Place {
    attribute: "hub",
    known: &[("rename_all", "rename_all = \"PascalCase\"")],
};
const RECEIVER: Place = Place {
    attribute: "receiver",
    known: &[("rename_all", "rename_all = \"PascalCase\"")],
};
const NAMED: &[(&str, &str)] = &[("name", "name = \"...\"")];
const FIELD: Place = Place {
    attribute: "dotnet",
    known: &[("name", "name = \"...\""), ("json", "json = \"...\"")],
};

impl HubArgs {
    /// On a block with methods of its own.
    pub(crate) fn inherent(tokens: TokenStream, errors: &mut Errors) -> Self {
        Self::read(&HUB, tokens, errors)
    }

    /// On a block that implements a contract.
    pub(crate) fn implementation(tokens: TokenStream, errors: &mut Errors) -> Self {
        Self::read(&IMPLEMENTATION, tokens, errors)
    }

    fn read(place: &Place, tokens: TokenStream, errors: &mut Errors) -> Self {
        let mut args = Self::default();
        place.read(tokens, errors, |key, value| {
            match key {
                "client" => args.client = Some(client(value)?),
                "session" => args.session = Some(value.parse()?),
                "rename_all" => args.case = case(value)?,
                "proxy" => args.proxy = Some(proxy(value)?),
                _ => args.name = Some(name(value)?),
            }
            Ok(())
        });
        args
    }
}

impl ReceiverArgs {
    pub(crate) fn read(tokens: TokenStream, errors: &mut Errors) -> Self {
        Self {
            case: the_case(&RECEIVER, tokens, errors),
        }
    }
}

/// `#[hub(rename_all = "PascalCase")]` on a trait.
pub(crate) fn contract(tokens: TokenStream, errors: &mut Errors) -> Case {
    the_case(&CONTRACT, tokens, errors)
}

fn the_case(place: &Place, tokens: TokenStream, errors: &mut Errors) -> Case {
    let mut given = Case::default();
    place.read(tokens, errors, |_, value| {
        given = case(value)?;
        Ok(())
    });
    given
}

impl ReceiverArgs {
    /// On an `impl` of the trait there are no options.
    pub(crate) fn refuse(options: TokenStream, errors: &mut Errors) {
        if !options.is_empty() {
            errors.at(
                options,
                "options of `#[receiver]` belong to the trait, not to its `impl`",
            );
        }
    }
}

/// `#[dotnet(name = "URLValue", json = "url_value")]` on a field.
#[derive(Default)]
pub(crate) struct FieldNames {
    pub(crate) name: Option<String>,
    pub(crate) json: Option<String>,
}

impl FieldNames {
    pub(crate) fn read(attrs: &[Attribute], errors: &mut Errors) -> Self {
        let mut names = Self::default();
        FIELD.read_all(attrs, "field", errors, |key, value| {
            let name = Some(name(value)?);
            match key {
                "json" => names.json = name,
                _ => names.name = name,
            }
            Ok(())
        });
        names
    }
}

/// `#[dotnet]` on a type takes no options.
pub(crate) fn refuse_dotnet(options: TokenStream, errors: &mut Errors) {
    if !options.is_empty() {
        errors.at(
            options,
            "`#[dotnet]` takes no options here; names belong on fields and variants: \
             `#[dotnet(name = \"...\")]`",
        );
    }
}

/// Takes `#[hub(…)]`, `#[receiver(…)]` or `#[dotnet(…)]` off a part of the item.
pub(crate) fn take(attrs: &mut Vec<Attribute>, attribute: &str) -> Vec<Attribute> {
    attrs
        .extract_if(.., |attr| {
            let path = attr.path();
            let full = path.segments.len() == 2 && path.segments[0].ident == "signalr";
            path.is_ident(attribute) || (full && path.segments[1].ident == attribute)
        })
        .collect()
}

/// The wire name that the own attributes of a method or variant give it.
pub(crate) fn name_of(
    attrs: &[Attribute],
    attribute: &'static str,
    what: &str,
    errors: &mut Errors,
) -> Option<String> {
    let mut given = None;
    let place = Place {
        attribute,
        known: NAMED,
    };
    place.read_all(attrs, what, errors, |_, value| {
        given = Some(name(value)?);
        Ok(())
    });
    given
}

impl Place {
    /// Reads the options of all these attributes.
    fn read_all(
        &self,
        attrs: &[Attribute],
        what: &str,
        errors: &mut Errors,
        mut read: impl FnMut(&str, ParseStream<'_>) -> syn::Result<()>,
    ) {
        let attribute = self.attribute;
        for attr in attrs {
            match &attr.meta {
                Meta::List(list) => self.read(list.tokens.clone(), errors, &mut read),
                _ => errors.at(
                    attr,
                    format!("write the {what}'s name: `#[{attribute}(name = \"...\")]`"),
                ),
            }
        }
    }

    /// Reads `key = value, key = value`, and hands each value to `read`.
    fn read(
        &self,
        tokens: TokenStream,
        errors: &mut Errors,
        mut read: impl FnMut(&str, ParseStream<'_>) -> syn::Result<()>,
    ) {
        let mut seen = Vec::new();
        let parser = |input: ParseStream<'_>| {
            while !input.is_empty() {
                let key = input.call(Ident::parse_any)?;
                self.pair(&key, input, errors, &mut read)?;
                if seen.contains(&key) {
                    errors.span(key.span(), format!("`{key}` is given twice"));
                }
                seen.push(key);
                if !input.is_empty() {
                    input.parse::<Token![,]>()?;
                }
            }
            Ok(())
        };
        let result = parser.parse2(tokens);
        errors.keep(result);
    }

    fn pair(
        &self,
        key: &Ident,
        input: ParseStream<'_>,
        errors: &mut Errors,
        read: &mut impl FnMut(&str, ParseStream<'_>) -> syn::Result<()>,
    ) -> syn::Result<()> {
        let name = key.to_string();
        let Some((_, form)) = self.known.iter().find(|(known, _)| *known == name) else {
            errors.span(key.span(), self.unknown(&name));
            return skip(input);
        };
        if !input.peek(Token![=]) {
            let message = format!("`{name}` needs a value: `{form}`");
            return Err(syn::Error::new(key.span(), message));
        }
        input.parse::<Token![=]>()?;
        read(&name, input)
    }

    fn unknown(&self, name: &str) -> String {
        let forms: Vec<_> = self
            .known
            .iter()
            .map(|(_, form)| format!("`{form}`"))
            .collect();
        let forms = match forms.split_last() {
            Some((last, rest)) if !rest.is_empty() => {
                format!("the options here are {} and {last}", rest.join(", "))
            }
            _ => format!("the only option here is {}", forms.concat()),
        };
        let attribute = self.attribute;
        format!("unknown `#[{attribute}]` option `{name}`; {forms}")
    }
}

/// Passes over the value of an unknown key, so that the next key is read as one.
fn skip(input: ParseStream<'_>) -> syn::Result<()> {
    if input.peek(Token![=]) {
        input.parse::<Token![=]>()?;
        if input.peek(Lit) {
            input.parse::<Lit>()?;
        } else {
            input.parse::<Type>()?;
        }
    }
    Ok(())
}

fn client(input: ParseStream<'_>) -> syn::Result<Path> {
    if input.peek(Lit) {
        return Err(input.error("name the client's trait itself: `client = ChatClient`"));
    }
    input.parse()
}

/// `ChatProxy`, or `pub(crate) ChatProxy`.
fn proxy(input: ParseStream<'_>) -> syn::Result<ProxyName> {
    if input.peek(Lit) {
        return Err(input.error("a type's name is no string: `proxy = ChatProxy`"));
    }
    let vis = input.parse()?;
    let ident: Ident = input.parse()?;
    let vis = match vis {
        Visibility::Inherited => parse_quote_spanned!(ident.span()=> pub),
        vis => vis,
    };
    Ok(ProxyName { vis, ident })
}

fn name(input: ParseStream<'_>) -> syn::Result<String> {
    let text = text(input, "a name is a string: `name = \"...\"`")?;
    if text.value().is_empty() {
        return Err(syn::Error::new(text.span(), "a name cannot be empty"));
    }
    Ok(text.value())
}

fn case(input: ParseStream<'_>) -> syn::Result<Case> {
    let text = text(input, "a case is a string: `rename_all = \"PascalCase\"`")?;
    Case::from_name(&text.value()).ok_or_else(|| {
        let message = format!("unknown case `{}`; known are {}", text.value(), Case::KNOWN);
        syn::Error::new(text.span(), message)
    })
}

fn text(input: ParseStream<'_>, otherwise: &str) -> syn::Result<LitStr> {
    let text = input.fork().parse::<LitStr>();
    text.map_err(|_| input.error(otherwise))?;
    input.parse()
}

#[cfg(test)]
mod tests {
    use quote::{ToTokens, quote};
    use syn::parse_quote;

    use super::*;

    fn hub(tokens: TokenStream) -> (HubArgs, Vec<String>) {
        let mut errors = Errors::default();
        let args = HubArgs::inherent(tokens, &mut errors);
        (args, errors.messages())
    }

    #[test]
    fn no_options_leave_the_defaults() {
        let (args, errors) = hub(quote!());
        assert!(errors.is_empty());
        assert!(args.client.is_none() && args.session.is_none() && args.name.is_none());
        assert_eq!(args.case, Case::Camel);
    }

    #[test]
    fn every_option_is_read() {
        let (args, errors) = hub(quote! {
            client = api::ChatClient, session = HashMap<String, u32>,
            rename_all = "PascalCase", name = "Chat",
        });
        assert!(errors.is_empty());
        let client = args.client.to_token_stream().to_string();
        assert_eq!(client, "api :: ChatClient");
        let session = args.session.to_token_stream().to_string();
        assert_eq!(session, "HashMap < String , u32 >");
        assert_eq!(args.case, Case::Pascal);
        assert_eq!(args.name.as_deref(), Some("Chat"));
    }

    #[test]
    fn an_unknown_option_is_told_with_the_known_ones_and_the_rest_is_read() {
        let (args, errors) = hub(quote!(clients = Map<A, B>, other = 3, name = "Chat"));
        assert_eq!(errors.len(), 2);
        assert_eq!(
            errors[0],
            "unknown `#[hub]` option `clients`; the options here are `client = Trait`, \
             `session = Type`, `rename_all = \"PascalCase\"`, `name = \"...\"` and `proxy = ChatProxy`"
        );
        assert!(errors[1].contains("`other`"));
        assert_eq!(args.name.as_deref(), Some("Chat"));
    }

    #[test]
    fn wrong_values_say_what_to_write() {
        let error = |tokens| hub(tokens).1.concat();
        assert!(error(quote!(client = "ChatClient")).contains("`client = ChatClient`"));
        assert!(error(quote!(name = Chat)).contains("`name = \"...\"`"));
        assert!(error(quote!(name = "")).contains("cannot be empty"));
        assert!(error(quote!(client)).contains("`client = Trait`"));
        assert!(error(quote!(name = "a", name = "b")).contains("given twice"));
        assert!(error(quote!(rename_all = "kebab-case")).contains("known are `camelCase`"));
    }

    #[test]
    fn a_method_gives_up_its_name_and_keeps_other_attributes() {
        let mut attrs: Vec<Attribute> = vec![
            parse_quote!(#[doc = "Sends."]),
            parse_quote!(#[signalr::hub(name = "SendIt")]),
            parse_quote!(#[other::hub]),
        ];
        let mut errors = Errors::default();
        let ours = take(&mut attrs, "hub");
        assert_eq!(
            name_of(&ours, "hub", "method", &mut errors).as_deref(),
            Some("SendIt")
        );
        assert!(errors.messages().is_empty());
        assert_eq!(attrs.len(), 2);
    }

    #[test]
    fn a_method_without_a_name_in_its_attribute_is_told_how() {
        let mut errors = Errors::default();
        let attrs: [Attribute; 2] = [parse_quote!(#[hub]), parse_quote!(#[hub(rename = "x")])];
        assert_eq!(name_of(&attrs, "hub", "method", &mut errors), None);
        let messages = errors.messages();
        assert!(messages[0].contains("`#[hub(name = \"...\")]`"));
        assert!(messages[1].contains("unknown `#[hub]` option `rename`"));
    }
}
