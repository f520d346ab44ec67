//! What errors show of addresses and of a server's words: no secrets, no more than a few lines, and nothing that steers a terminal.

use http::Uri;

/// Characters of an address, or of what a server says.
const LONGEST: usize = 300;

/// A server's text, cut and with its control characters escaped.
pub(super) fn words(text: &str) -> String {
    let mut words = String::new();
    for (count, c) in text.chars().flat_map(escaped).enumerate() {
        if count == LONGEST {
            words.push('…');
            break;
        }
        words.push(c);
    }
    words
}

fn escaped(c: char) -> impl Iterator<Item = char> {
    let steers = c.is_control()
        || matches!(
            c,
            '\u{200b}'
                | '\u{200e}'
                | '\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
        );
    let escape = steers.then(|| c.escape_default());
    let plain = (!steers).then_some(c);
    escape.into_iter().flatten().chain(plain)
}

/// An address; a query may hold secrets.
pub(super) fn shown(uri: &Uri) -> String {
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    let scheme = uri.scheme_str().unwrap_or("http");
    words(&format!("{scheme}://{authority}{}", uri.path()))
}

/// The same of what may be no address: neither what may be credentials, nor a query.
pub(super) fn without_secrets(text: &str) -> String {
    let (scheme, rest) = split(text);
    // A password may hold every separator: all in front of the last `@` may be part of one.
    let (hidden, rest) = match rest.rfind('@') {
        Some(at) => (Some(&rest[..at]), &rest[at..]),
        None => (None, rest),
    };
    let ends = |c| matches!(c, '?' | '#');
    match hidden {
        // Either that `@` is the query's, or the password had one of these.
        Some(hidden) if hidden.contains(ends) => words(&format!("{scheme}…")),
        _ => {
            let shown = rest.split(ends).next().unwrap_or("");
            let hidden = hidden.map_or("", |_| "…");
            words(&format!("{scheme}{hidden}{shown}"))
        }
    }
}

/// The scheme with its separator, if there is one, and what follows.
fn split(text: &str) -> (&str, &str) {
    const SEPARATOR: &str = "://";
    let in_scheme = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
    match text.find(SEPARATOR) {
        Some(end) if text[..end].chars().all(in_scheme) => text.split_at(end + SEPARATOR.len()),
        _ => ("", text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_part_of_a_password_is_shown() {
        for (text, shown) in [
            ("http://ann:S3cret@h:1/chat?key=1", "http://…@h:1/chat"),
            ("http://ann:S3#cret@h/chat", "http://…"),
            ("http://ann:S3?cret@h/chat", "http://…"),
            ("http://ann:S3/cret@h/chat#top", "http://…@h/chat"),
            ("http://ann:S3@cret@h/chat", "http://…@h/chat"),
            ("wss://ann:S3?cret@h", "wss://…"),
            ("http:/ann:S3cret@h", "…@h"),
            ("ann:S3cret@h", "…@h"),
            ("ann:S3://cret@h", "…@h"),
            ("S3cret@h/?to=http://x", "…@h/"),
            ("http://h/chat?key=S3cret@h&more=S3cret", "http://…"),
            ("http://h/chat#S3cret", "http://h/chat"),
            ("", ""),
        ] {
            assert_eq!(without_secrets(text), shown, "{text}");
        }
    }

    #[test]
    fn words_are_cut_and_steer_nothing() {
        let said = "\u{1b}[2J\u{7}\u{9b}1m\r\n\u{202e}it's \"ünïcode\" \\ 👩\u{200d}💻";
        let shown = r#"\u{1b}[2J\u{7}\u{9b}1m\r\n\u{202e}it's "ünïcode" \ 👩"#;
        assert_eq!(words(said), format!("{shown}\u{200d}💻"));
        let whole = "ü".repeat(LONGEST);
        assert_eq!(words(&whole), whole);
        assert_eq!(words(&format!("{whole}x")), format!("{whole}…"));
        assert_eq!(words(&"\0".repeat(60_000)).chars().count(), LONGEST + 1);
    }
}
