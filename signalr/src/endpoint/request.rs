//! The opening request, kept for as long as the connection.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6},
    sync::OnceLock,
};

use http::{
    Extensions, HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, Version, header::COOKIE,
    request::Parts,
};

use super::{LocalAddr, PeerAddr};
use crate::connection::opening;

/// A request in as few bytes as it takes, and as `http` has it once somebody asks for that.
///
/// `Parts` with a dozen headers and the addresses of the socket take twelve allocations and, with room for more headers that will never
/// come, 1.2 KB; few hubs ever look at them. It also borrows nothing from the HTTP server's read buffer, which would stay in memory otherwise.
#[derive(Debug)]
pub(crate) struct Opening {
    /// The addresses of both ends, the method, the URI, and a line for each header. Each part ends with a line feed, which none of them
    /// can hold; only the addresses have a length.
    text: Box<[u8]>,
    version: Version,
    /// Without the addresses, and without memory if nothing else was there.
    extensions: Extensions,
    parts: OnceLock<Box<Parts>>,
}

/// Between the name and the value of a header; neither can be in a name.
const PLAIN: u8 = b':';
const SENSITIVE: u8 = b';';

impl Opening {
    pub(crate) fn new(mut parts: Parts) -> Self {
        let ends = [
            parts.extensions.remove::<PeerAddr>().map(|peer| peer.0),
            parts.extensions.remove::<LocalAddr>().map(|local| local.0),
        ];
        if parts.extensions.is_empty() {
            parts.extensions = Extensions::new();
        }
        let headers = parts.headers.iter();
        let length: usize = headers
            .map(|(name, value)| name.as_str().len() + value.len() + 2)
            .sum();
        let mut text = Vec::with_capacity(length + 256);
        ends.iter().for_each(|end| write_end(&mut text, *end));
        write_line(&mut text, parts.method.as_str().as_bytes());
        write_uri(&mut text, &parts.uri);
        for (name, value) in &parts.headers {
            text.extend_from_slice(name.as_str().as_bytes());
            text.push(if value.is_sensitive() {
                SENSITIVE
            } else {
                PLAIN
            });
            write_line(&mut text, value.as_bytes());
        }
        Self {
            text: text.into(),
            version: parts.version,
            extensions: parts.extensions,
            parts: OnceLock::new(),
        }
    }

    /// The request as a hub sees it; unpacked by the first who asks, and kept.
    pub(crate) fn parts(&self) -> &Parts {
        self.parts.get_or_init(|| Box::new(self.unpack()))
    }

    /// The same for one look.
    pub(crate) fn look<R>(&self, look: impl FnOnce(&Parts) -> R) -> R {
        match self.parts.get() {
            Some(parts) => look(parts),
            None => look(&self.unpack()),
        }
    }

    /// What middleware has said, without the addresses.
    pub(crate) fn extensions(&self) -> &Extensions {
        &self.extensions
    }

    pub(crate) fn peer(&self) -> Option<SocketAddr> {
        read_end(&mut &*self.text)
    }

    pub(crate) fn local(&self) -> Option<SocketAddr> {
        let mut text = &*self.text;
        read_end(&mut text);
        read_end(&mut text)
    }

    /// The value of a parameter; names are compared without case (TR-11).
    pub(crate) fn query(&self, name: &str) -> Option<String> {
        let uri = str::from_utf8(self.lines().nth(1)?).ok()?;
        let (_, query) = uri.split_once('?')?;
        opening::parameter(Some(query), name)
    }

    /// A cookie, as the client sent it.
    pub(crate) fn cookie(&self, name: &str) -> Option<&str> {
        let lists = self
            .headers()
            .filter(|(header, ..)| *header == COOKIE.as_str());
        let lists = lists.filter_map(|(_, _, value)| {
            let text = str::from_utf8(value).ok()?;
            text.is_ascii().then_some(text)
        });
        opening::cookie(lists, name)
    }

    fn unpack(&self) -> Parts {
        let (mut parts, ()) = Request::new(()).into_parts();
        let mut lines = self.lines();
        let mut next = || lines.next().unwrap_or_default();
        // All of it was taken from the same types, so nothing is refused here.
        parts.method = Method::from_bytes(next()).unwrap_or_default();
        parts.uri = Uri::try_from(next()).unwrap_or_default();
        parts.version = self.version;
        parts.headers = HeaderMap::with_capacity(self.headers().count());
        for (name, is_sensitive, value) in self.headers() {
            let parsed = HeaderName::try_from(name).ok();
            if let Some((name, mut value)) = parsed.zip(HeaderValue::from_bytes(value).ok()) {
                value.set_sensitive(is_sensitive);
                parts.headers.append(name, value);
            }
        }
        parts.extensions = self.extensions.clone();
        if let Some(peer) = self.peer() {
            parts.extensions.insert(PeerAddr(peer));
        }
        if let Some(local) = self.local() {
            parts.extensions.insert(LocalAddr(local));
        }
        parts
    }

    /// The method, the URI, and the headers.
    fn lines(&self) -> impl Iterator<Item = &[u8]> {
        let mut text = &*self.text;
        read_end(&mut text);
        read_end(&mut text);
        std::iter::from_fn(move || {
            let end = memchr::memchr(b'\n', text)?;
            let (line, rest) = text.split_at(end);
            text = &rest[1..];
            Some(line)
        })
    }

    /// Each header's name, whether it is sensitive, and its value.
    fn headers(&self) -> impl Iterator<Item = (&str, bool, &[u8])> {
        self.lines().skip(2).filter_map(|line| {
            let at = memchr::memchr2(PLAIN, SENSITIVE, line)?;
            let name = str::from_utf8(&line[..at]).ok()?;
            Some((name, line[at] == SENSITIVE, &line[at + 1..]))
        })
    }
}

fn write_line(text: &mut Vec<u8>, line: &[u8]) {
    text.extend_from_slice(line);
    text.push(b'\n');
}

fn write_uri(text: &mut Vec<u8>, uri: &Uri) {
    match uri.path_and_query() {
        Some(path) if uri.scheme().is_none() && uri.authority().is_none() => {
            write_line(text, path.as_str().as_bytes());
        }
        _ => write_line(text, uri.to_string().as_bytes()),
    }
}

/// One byte of length, then the address.
fn write_end(text: &mut Vec<u8>, end: Option<SocketAddr>) {
    let at = text.len();
    text.push(0);
    let Some(end) = end else { return };
    text.extend_from_slice(&end.port().to_be_bytes());
    match end {
        SocketAddr::V4(end) => text.extend_from_slice(&end.ip().octets()),
        SocketAddr::V6(end) => {
            text.extend_from_slice(&end.ip().octets());
            text.extend_from_slice(&end.flowinfo().to_be_bytes());
            text.extend_from_slice(&end.scope_id().to_be_bytes());
        }
    }
    text[at] = if end.is_ipv4() { V4 } else { V6 };
}

const V4: u8 = 6;
const V6: u8 = 26;

fn read_end(text: &mut &[u8]) -> Option<SocketAddr> {
    let length = *text.split_off_first()?;
    let mut bytes = text.split_off(..usize::from(length))?;
    let port = u16::from_be_bytes(take(&mut bytes)?);
    if length == V4 {
        let ip = Ipv4Addr::from(take::<4>(&mut bytes)?);
        return Some(SocketAddr::new(IpAddr::V4(ip), port));
    }
    let ip = Ipv6Addr::from(take::<16>(&mut bytes)?);
    let flowinfo = u32::from_be_bytes(take(&mut bytes)?);
    let scope_id = u32::from_be_bytes(take(&mut bytes)?);
    Some(SocketAddrV6::new(ip, port, flowinfo, scope_id).into())
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    bytes.split_off(..N)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(uri: &str) -> Parts {
        let mut secret = HeaderValue::from_static("a=1; b=\"2\"");
        secret.set_sensitive(true);
        let request = Request::get(uri)
            .header("host", "example.test")
            .header("Cookie", "a=0;c=3")
            .header("cookie", secret)
            .header("x-empty", "")
            .header("x-colons", "a:b;c: d")
            .header(
                "x-bytes",
                HeaderValue::from_bytes(b"\xff\t").expect("opaque bytes"),
            )
            .version(Version::HTTP_2)
            .extension(7u8)
            .body(())
            .expect("a request");
        request.into_parts().0
    }

    #[test]
    fn a_kept_request_says_the_same() {
        for uri in [
            "/chat?id=1&access_token=x%20y",
            "/",
            "*",
            "https://example.test/chat?a",
            "https://example.test",
            "example.test:80",
        ] {
            let before = request(uri);
            let kept = Opening::new(before.clone());
            for after in [&kept.look(Parts::clone), kept.parts()] {
                assert_eq!(after.uri, before.uri);
                assert_eq!(after.headers, before.headers);
                assert_eq!(after.method, before.method);
                assert_eq!(after.version, before.version);
                assert_eq!(after.extensions.get::<u8>(), Some(&7));
                let mut cookies = after.headers.get_all("cookie").iter();
                assert!(cookies.next().is_some_and(|first| !first.is_sensitive()));
                assert!(cookies.next().is_some_and(HeaderValue::is_sensitive));
            }
            for name in ["a", "b", "c", "d"] {
                let lists = before.headers.get_all(COOKIE).iter();
                let lists = lists.filter_map(|list| list.to_str().ok());
                assert_eq!(kept.cookie(name), opening::cookie(lists, name));
            }
            for name in ["id", "ACCESS_token", "a", "x"] {
                assert_eq!(kept.query(name), opening::query(&before, name));
            }
        }
    }

    #[test]
    fn a_kept_request_knows_both_ends() {
        let scoped = SocketAddrV6::new(Ipv6Addr::LOCALHOST, 2570, 10, 3);
        let four = SocketAddr::from(([10, 0, 0, 10], 80));
        for (peer, local) in [
            (None, None),
            (Some(four), None),
            (None, Some(four)),
            (Some(scoped.into()), Some(four)),
            (Some(four), Some(scoped.into())),
        ] {
            let mut before = request("/chat?id=1");
            if let Some(peer) = peer {
                before.extensions.insert(PeerAddr(peer));
            }
            if let Some(local) = local {
                before.extensions.insert(LocalAddr(local));
            }
            let kept = Opening::new(before);
            let extensions = &kept.parts().extensions;
            let peer_addr = extensions.get::<PeerAddr>().map(|peer| peer.0);
            let local_addr = extensions.get::<LocalAddr>().map(|local| local.0);
            assert_eq!((peer_addr, local_addr), (peer, local));
            assert_eq!(kept.query("id").as_deref(), Some("1"));
        }
    }

    #[test]
    fn a_request_without_extensions_keeps_no_memory_for_them() {
        let mut parts = request("/");
        parts.extensions.remove::<u8>();
        parts.extensions.insert(PeerAddr(([1, 2, 3, 4], 5).into()));
        assert!(Opening::new(parts).extensions().is_empty());
    }
}
