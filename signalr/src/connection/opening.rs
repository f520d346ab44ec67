//! What the request that opens a connection says.

use std::borrow::Cow;

use http::request::Parts;

/// The value of a parameter; names are compared without case (TR-11).
pub(crate) fn query(request: &Parts, name: &str) -> Option<String> {
    parameter(request.uri.query(), name)
}

/// A cookie in the values of the header, as the client sent it. One that is no text is none, and hides no other.
pub(crate) fn cookie<'a>(lists: impl Iterator<Item = &'a [u8]>, name: &str) -> Option<&'a str> {
    let pairs = lists.flat_map(|list| list.split(|byte| *byte == b';'));
    let mut pairs = pairs
        .filter_map(|pair| std::str::from_utf8(pair).ok())
        .filter_map(|pair| pair.trim().split_once('='));
    pairs.find_map(|(key, value)| (key == name).then_some(value))
}

/// The value of a parameter in a query.
pub(crate) fn parameter(query: Option<&str>, name: &str) -> Option<String> {
    query?
        .split('&')
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .find(|(key, _)| decode(key).eq_ignore_ascii_case(name))
        .map(|(_, value)| decode(value).into_owned())
}

/// Undoes percent encoding; what is no valid escape stays as it is.
fn decode(text: &str) -> Cow<'_, str> {
    if memchr::memchr2(b'%', b'+', text.as_bytes()).is_none() {
        return Cow::Borrowed(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let escaped = match (first, tail) {
            (b'%', [high, low, ..]) => hex(*high).zip(hex(*low)),
            _ => None,
        };
        match escaped {
            Some((high, low)) => {
                bytes.push(high << 4 | low);
                rest = &tail[2..];
            }
            None => {
                bytes.push(if *first == b'+' { b' ' } else { *first });
                rest = tail;
            }
        }
    }
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}

fn hex(digit: u8) -> Option<u8> {
    let value = char::from(digit).to_digit(16)?;
    u8::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_without_case_and_values_decoded() {
        let query = Some("tenant=7&NegotiateVersion=1&ID=a%2Db+c%zz&flag");
        assert_eq!(parameter(query, "negotiateVersion").as_deref(), Some("1"));
        assert_eq!(parameter(query, "id").as_deref(), Some("a-b c%zz"));
        assert_eq!(parameter(query, "flag").as_deref(), Some(""));
        assert_eq!(parameter(query, "other"), None);
        assert_eq!(parameter(None, "id"), None);
    }

    #[test]
    fn a_cookie_that_is_no_text_hides_no_other() {
        let lists: [&[u8]; 3] = [
            b"name=J\xfcrgen; session=s1;town=K\xc3\xb6ln",
            b"\xff",
            b"last=1",
        ];
        let cookie = |name| cookie(lists.into_iter(), name);
        assert_eq!(cookie("name"), None);
        assert_eq!(cookie("session"), Some("s1"));
        assert_eq!(cookie("town"), Some("Köln"));
        assert_eq!(cookie("last"), Some("1"));
        assert_eq!(cookie("other"), None);
    }
}
