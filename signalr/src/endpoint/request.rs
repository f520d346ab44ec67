//! The opening request, kept for as long as the connection.

use bytes::BytesMut;
use http::{HeaderMap, HeaderValue, Uri, request::Parts};

/// Copies what borrows from the HTTP server's read buffer, which would stay in memory otherwise: several KiB for each connection.
pub(super) fn detach(parts: &mut Parts) {
    let length = parts.headers.values().map(HeaderValue::len).sum();
    let mut shared = BytesMut::with_capacity(length);
    let mut headers = HeaderMap::with_capacity(parts.headers.len());
    for (name, value) in &parts.headers {
        shared.extend_from_slice(value.as_bytes());
        let copy = HeaderValue::from_maybe_shared(shared.split().freeze());
        let mut copy = copy.unwrap_or_else(|_| value.clone());
        copy.set_sensitive(value.is_sensitive());
        headers.append(name.clone(), copy);
    }
    parts.headers = headers;
    if let Ok(copy) = Uri::try_from(parts.uri.to_string()) {
        parts.uri = copy;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_detached_request_says_the_same() {
        let request = http::Request::get("/chat?id=1&access_token=x%20y")
            .header("host", "example.test")
            .header("cookie", "a=1")
            .header("cookie", "b=2")
            .header(
                "x-bytes",
                HeaderValue::from_bytes(b"\xff").expect("opaque bytes"),
            )
            .extension(7u8)
            .body(())
            .expect("a request");
        let (before, ()) = request.into_parts();
        let mut after = before.clone();
        detach(&mut after);
        assert_eq!(after.uri, before.uri);
        assert_eq!(after.headers, before.headers);
        assert_eq!(after.method, before.method);
        assert_eq!(after.extensions.get::<u8>(), Some(&7));
    }
}
