//! From Rust's names to the names on the wire.

use proc_macro2::Ident;
use syn::ext::IdentExt;

/// How the methods of a block or trait are named on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Case {
    #[default]
    Camel,
    Pascal,
    Snake,
}

impl Case {
    /// The spellings that `rename_all` takes.
    pub(crate) const KNOWN: &'static str =
        "`camelCase` (the default), `PascalCase` and `snake_case`";

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        match name {
            "camelCase" => Some(Self::Camel),
            "PascalCase" => Some(Self::Pascal),
            "snake_case" => Some(Self::Snake),
            _ => None,
        }
    }

    /// The wire name of a Rust name: `message_received` is `messageReceived` in camel case.
    pub(crate) fn apply(self, ident: &Ident) -> String {
        let name = plain(ident);
        if self == Self::Snake {
            return name;
        }
        let mut words = name.split('_').filter(|word| !word.is_empty());
        let first = words.next().unwrap_or_default();
        let first = match self {
            Self::Pascal => capitalized(first),
            Self::Camel | Self::Snake => first.to_owned(),
        };
        words.fold(first, |name, word| name + &capitalized(word))
    }
}

/// What .NET calls a property in JSON (section 5.4): `URLValue` is `urlValue`.
pub(crate) fn json_name(property: &str) -> String {
    let mut chars = property.chars().peekable();
    let mut name = String::with_capacity(property.len());
    let mut lowers = true;
    while let Some(char) = chars.next() {
        // The last capital of several begins the next word, unless the name ends there.
        let begins_word = !name.is_empty() && chars.peek().is_some_and(|next| !next.is_uppercase());
        lowers &= char.is_uppercase() && !begins_word;
        match lowers {
            true => name.extend(char.to_lowercase()),
            false => name.push(char),
        }
    }
    name
}

/// The name without `r#` and without the underscores that silence a lint.
pub(crate) fn plain(ident: &Ident) -> String {
    let name = ident.unraw().to_string();
    match name.trim_start_matches('_') {
        "" => name,
        trimmed => trimmed.to_owned(),
    }
}

/// Whether the two would be one method: names are looked up without regard to ASCII case.
pub(crate) fn clash(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}

fn capitalized(word: &str) -> String {
    let mut chars = word.chars();
    chars
        .next()
        .map(|first| first.to_uppercase().chain(chars).collect())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use quote::format_ident;

    use super::*;

    fn wire(case: Case, name: &str) -> String {
        case.apply(&format_ident!("{name}"))
    }

    #[test]
    fn camel_case_is_what_javascript_expects() {
        assert_eq!(wire(Case::Camel, "send"), "send");
        assert_eq!(wire(Case::Camel, "message_received"), "messageReceived");
        assert_eq!(wire(Case::Camel, "move_to_2nd_room"), "moveTo2ndRoom");
        assert_eq!(wire(Case::Camel, "äußern_wir"), "äußernWir");
    }

    #[test]
    fn pascal_and_snake_case_are_what_their_names_say() {
        assert_eq!(wire(Case::Pascal, "message_received"), "MessageReceived");
        assert_eq!(wire(Case::Snake, "message_received"), "message_received");
    }

    #[test]
    fn raw_identifiers_lose_their_mark() {
        assert_eq!(wire(Case::Camel, "r#type"), "type");
        assert_eq!(wire(Case::Pascal, "r#type"), "Type");
        assert_eq!(wire(Case::Snake, "r#async"), "async");
    }

    #[test]
    fn outer_and_doubled_underscores_do_not_show() {
        assert_eq!(wire(Case::Camel, "_send__it_"), "sendIt");
        assert_eq!(plain(&format_ident!("_unused")), "unused");
        assert_eq!(plain(&format_ident!("__")), "__");
    }

    #[test]
    fn clashes_ignore_ascii_case_and_nothing_else() {
        assert!(clash("sendIt", "SENDIT"));
        assert!(!clash("sendIt", "send_it"));
        assert!(!clash("straße", "STRASSE"));
    }

    #[test]
    fn json_names_are_those_that_dotnet_makes_of_its_properties() {
        for (property, name) in [
            ("StringProp", "stringProp"),
            ("URL", "url"),
            ("URLValue", "urlValue"),
            ("IPAddress", "ipAddress"),
            ("ID", "id"),
            ("AB1", "aB1"),
            ("aB", "aB"),
            ("I", "i"),
            ("IsCIA", "isCIA"),
            ("XY", "xy"),
            ("Xml2Json", "xml2Json"),
            ("_A", "_A"),
            ("already camelCase", "already camelCase"),
            ("ÄÖÜ", "äöü"),
            ("", ""),
        ] {
            assert_eq!(json_name(property), name);
        }
    }

    #[test]
    fn only_three_cases_are_known() {
        assert_eq!(Case::from_name("PascalCase"), Some(Case::Pascal));
        assert_eq!(Case::from_name("pascalCase"), None);
        assert_eq!(Case::from_name("kebab-case"), None);
    }
}
