//! What the request that opens a connection says.

use std::borrow::Cow;

use http::request::Parts;

/// The value of a parameter; names are compared without case (TR-11).
pub(crate) fn query(request: &Parts, name: &str) -> Option<String> {
    parameter(request.uri.query(), name)
}

/// A cookie in the values of the header, as the client sent it.
pub(crate) fn cookie<'a>(lists: impl Iterator<Item = &'a str>, name: &str) -> Option<&'a str> {
    let mut pairs = lists
        .flat_map(|list| list.split(';'))
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
}
