//! Steps over JSON values: each function takes where something begins and returns where it ends, or `None` if it is malformed.

/// Levels of lists and objects: few, as this is recursive.
const MAX_DEPTH: usize = 16;

/// Steps over a value; also `None` if it nests deeply.
pub(super) fn value(bytes: &[u8], at: usize) -> Option<usize> {
    any(bytes, at, MAX_DEPTH)
}

/// Steps over a string; also `None` if it has escapes.
pub(super) fn plain_string(bytes: &[u8], at: usize) -> Option<usize> {
    let at = characters(bytes, expect(bytes, at, b'"')?);
    expect(bytes, at, b'"')
}

pub(super) fn space(bytes: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\n' | b'\t' | b'\r') = bytes.get(at) {
        at += 1;
    }
    at
}

pub(super) fn expect(bytes: &[u8], at: usize, byte: u8) -> Option<usize> {
    (*bytes.get(at)? == byte).then_some(at + 1)
}

fn any(bytes: &[u8], at: usize, depth: usize) -> Option<usize> {
    match bytes.get(at)? {
        b'"' => string(bytes, at),
        b'-' => number(bytes, at + 1),
        b'0'..=b'9' => number(bytes, at),
        b'[' => list(bytes, at, depth.checked_sub(1)?),
        b'{' => object(bytes, at, depth.checked_sub(1)?),
        b't' => word(bytes, at, b"true"),
        b'f' => word(bytes, at, b"false"),
        b'n' => word(bytes, at, b"null"),
        _ => None,
    }
}

fn list(bytes: &[u8], at: usize, depth: usize) -> Option<usize> {
    let mut at = space(bytes, at + 1);
    if *bytes.get(at)? == b']' {
        return Some(at + 1);
    }
    loop {
        at = any(bytes, at, depth)?;
        at = space(bytes, at);
        match bytes.get(at)? {
            b',' => at = space(bytes, at + 1),
            b']' => return Some(at + 1),
            _ => return None,
        }
    }
}

fn object(bytes: &[u8], at: usize, depth: usize) -> Option<usize> {
    let mut at = space(bytes, at + 1);
    if *bytes.get(at)? == b'}' {
        return Some(at + 1);
    }
    loop {
        expect(bytes, at, b'"')?;
        at = space(bytes, string(bytes, at)?);
        at = space(bytes, expect(bytes, at, b':')?);
        at = space(bytes, any(bytes, at, depth)?);
        match bytes.get(at)? {
            b',' => at = space(bytes, at + 1),
            b'}' => return Some(at + 1),
            _ => return None,
        }
    }
}

/// `at` is the opening quote, which has been looked at.
fn string(bytes: &[u8], at: usize) -> Option<usize> {
    let mut at = at + 1;
    loop {
        at = characters(bytes, at);
        match bytes.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at = escape(bytes, at + 1)?,
            _ => return None,
        }
    }
}

/// `at` is behind the backslash.
fn escape(bytes: &[u8], at: usize) -> Option<usize> {
    match bytes.get(at)? {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(at + 1),
        b'u' => {
            let digits = bytes.get(at + 1..at + 5)?;
            digits.iter().all(u8::is_ascii_hexdigit).then_some(at + 5)
        }
        _ => None,
    }
}

/// `at` is behind the minus, if there is one.
fn number(bytes: &[u8], at: usize) -> Option<usize> {
    let mut at = match bytes.get(at)? {
        b'0' => at + 1,
        _ => digits(bytes, at)?,
    };
    if let Some(b'.') = bytes.get(at) {
        at = digits(bytes, at + 1)?;
    }
    if let Some(b'e' | b'E') = bytes.get(at) {
        let sign = matches!(bytes.get(at + 1), Some(b'+' | b'-'));
        at = digits(bytes, at + 1 + usize::from(sign))?;
    }
    Some(at)
}

/// One or more.
fn digits(bytes: &[u8], at: usize) -> Option<usize> {
    let rest = bytes.get(at..)?;
    let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    (count > 0).then_some(at + count)
}

fn word(bytes: &[u8], at: usize, word: &[u8]) -> Option<usize> {
    let rest = bytes.get(at..)?;
    rest.starts_with(word).then_some(at + word.len())
}

/// Steps over what stands for itself in a string: to a quote, a backslash, a control character or the end.
fn characters(bytes: &[u8], mut at: usize) -> usize {
    const ONES: u64 = u64::MAX / 0xff;
    const TOPS: u64 = ONES << 7;
    // Of the top bits that are left, the lowest is that of the first such byte; those above it may be wrong.
    let below = |word: u64, bound: u8| word.wrapping_sub(ONES * u64::from(bound)) & !word;
    let is = |word: u64, byte: u8| below(word ^ (ONES * u64::from(byte)), 1);
    let (words, _) = bytes.get(at..).unwrap_or_default().as_chunks();
    for word in words {
        let word = u64::from_le_bytes(*word);
        let found = (is(word, b'"') | is(word, b'\\') | below(word, b' ')) & TOPS;
        if found != 0 {
            return at + found.trailing_zeros() as usize / 8;
        }
        at += size_of_val(&word);
    }
    while !matches!(bytes.get(at), None | Some(b'"' | b'\\' | 0..b' ')) {
        at += 1;
    }
    at
}
