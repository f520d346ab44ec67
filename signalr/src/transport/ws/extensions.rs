//! What extensions a WebSocket gets (RFC 6455, section 9.1; RFC 7692, section 7.1).

use std::borrow::Cow;

/// The sizes of windows that there are, in bits.
const WINDOWS: [&str; 8] = ["8", "9", "10", "11", "12", "13", "14", "15"];

/// Answers the first offer of permessage-deflate that can be met; `None`: no extension.
///
/// `lists` are the values of `Sec-WebSocket-Extensions`. What cannot be understood declines its own offer.
pub(crate) fn accept(lists: impl IntoIterator<Item: AsRef<str>>) -> Option<&'static str> {
    let mut lists = lists.into_iter();
    lists.find_map(|list| split(list.as_ref(), ',').find_map(answer))
}

fn answer(offer: &str) -> Option<&'static str> {
    let mut parts = split(offer, ';').map(str::trim);
    if parts.next()? != "permessage-deflate" {
        return None;
    }
    let mut seen = Vec::new();
    let mut window = false;
    for part in parts {
        let (name, value) = match part.split_once('=') {
            Some((name, value)) => (name.trim(), Some(unquoted(value.trim())?)),
            None => (part, None),
        };
        let fits = match (name, value.as_deref()) {
            ("server_no_context_takeover" | "client_no_context_takeover", None) => true,
            // Windows of every size can be read.
            ("client_max_window_bits", value) => value.is_none_or(|bits| WINDOWS.contains(&bits)),
            // Ours has 15 bits.
            ("server_max_window_bits", Some("15")) => {
                window = true;
                true
            }
            _ => false,
        };
        if !fits || seen.contains(&name) {
            return None;
        }
        seen.push(name);
    }
    Some(if window {
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=15"
    } else {
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
    })
}

/// The pieces between separators that are not quoted.
fn split(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(move |char| {
        let literal = escaped;
        escaped = quoted && !literal && char == '\\';
        quoted ^= char == '"' && !literal;
        char == separator && !quoted
    })
}

/// A value, which may be quoted; `None` if the quotes do not fit.
fn unquoted(value: &str) -> Option<Cow<'_, str>> {
    let Some(rest) = value.strip_prefix('"') else {
        return (!value.contains('"')).then_some(Cow::Borrowed(value));
    };
    let inner = rest.strip_suffix('"')?;
    let mut plain = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(char) = chars.next() {
        match char {
            '"' => return None,
            '\\' => plain.push(chars.next()?),
            char => plain.push(char),
        }
    }
    Some(Cow::Owned(plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: &str =
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

    #[test]
    fn offers_that_can_be_met_get_an_answer_without_context() {
        for offer in [
            // Browsers and Node, and a client that wants what we do anyway.
            "permessage-deflate; client_max_window_bits",
            "permessage-deflate",
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
            "permessage-deflate;client_max_window_bits=10",
            "permessage-deflate ; client_max_window_bits = \"1\\0\"",
            "x-webkit-deflate-frame, permessage-deflate; client_max_window_bits",
        ] {
            assert_eq!(accept([offer]), Some(PLAIN), "{offer}");
        }
    }

    #[test]
    fn offers_that_cannot_be_met_are_declined() {
        for offer in [
            "",
            "permessage-bzip2",
            "permessage-deflate-2",
            "permessage-deflate; unknown",
            "permessage-deflate; server_no_context_takeover=1",
            "permessage-deflate; client_no_context_takeover; client_no_context_takeover",
            "permessage-deflate; server_max_window_bits",
            "permessage-deflate; server_max_window_bits=10",
            "permessage-deflate; client_max_window_bits=7",
            "permessage-deflate; client_max_window_bits=16",
            "permessage-deflate; client_max_window_bits=08",
            "permessage-deflate; client_max_window_bits=\"10",
            "permessage-deflate; client_max_window_bits=1\"0\"",
            "permessage-deflate; client_max_window_bits=\"10\\\"",
            "permessage-deflate; x=\"a, permessage-deflate\"",
            "permessage-deflate;",
        ] {
            assert_eq!(accept([offer]), None, "{offer}");
        }
    }

    #[test]
    fn the_first_offer_that_can_be_met_counts() {
        let window = format!("{PLAIN}; server_max_window_bits=15");
        let offers = "permessage-deflate; server_max_window_bits=10, permessage-deflate; server_max_window_bits=\"15\"";
        assert_eq!(accept([offers, "permessage-deflate"]), Some(&*window));
        let offers = "permessage-deflate; a=\"\\\", permessage-deflate\", permessage-deflate";
        assert_eq!(accept([offers]), Some(PLAIN));
        assert_eq!(
            accept(["permessage-deflate; a", "permessage-deflate"]),
            Some(PLAIN)
        );
        assert_eq!(accept([""; 0]), None);
    }
}
