//! The cookies of one connection: what a load balancer or a login sets on negotiation is sent with all that follows.

use std::{
    collections::VecDeque,
    net::IpAddr,
    time::{Duration, SystemTime},
};

use http::{HeaderMap, HeaderValue, Uri, header::SET_COOKIE};

/// More cookies push the oldest out.
const MOST: usize = 64;
/// Longer ones are not kept, in bytes of name and value.
const LONGEST: usize = 4096;
/// The longest `Cookie` header, in bytes: servers refuse lines of more than 8 KiB, and what one has set would keep the next from
/// answering.
const LINE: usize = 8000;

/// Cookies by host, path and name.
#[derive(Debug, Default)]
pub(super) struct Jar(VecDeque<Cookie>);

#[derive(Debug)]
struct Cookie {
    name: String,
    value: String,
    domain: String,
    /// Whether hosts below the domain get it too.
    subdomains: bool,
    path: String,
    secure: bool,
    expires: Option<SystemTime>,
}

impl Jar {
    /// Keeps what a response sets, and forgets what it takes back.
    pub(super) fn store(&mut self, uri: &Uri, headers: &HeaderMap, now: SystemTime) {
        for header in headers.get_all(SET_COOKIE) {
            let cookie = header.to_str().ok();
            let Some(cookie) = cookie.and_then(|text| Cookie::parse(text, uri, now)) else {
                continue;
            };
            self.0.retain(|kept| !kept.is_same(&cookie));
            if !cookie.is_expired(now) {
                if self.0.len() == MOST {
                    self.0.pop_front();
                }
                self.0.push_back(cookie);
            }
        }
    }

    /// The `Cookie` header for a request; those of longer paths first, and the latest if all are too many. `own`: what the user has
    /// set for all requests.
    pub(super) fn header(
        &self,
        uri: &Uri,
        own: Option<&HeaderValue>,
        now: SystemTime,
    ) -> Option<HeaderValue> {
        let mut room = LINE.saturating_sub(own.map_or(0, HeaderValue::len));
        let latest = self.0.iter().rev();
        let mut fitting: Vec<_> = latest
            .filter(|cookie| cookie.fits(uri) && !cookie.is_expired(now))
            .map_while(|cookie| {
                room = room.checked_sub(cookie.len())?;
                Some(cookie)
            })
            .collect();
        fitting.reverse();
        fitting.sort_by_key(|cookie| std::cmp::Reverse(cookie.path.len()));
        let mut line = own.map_or_else(Vec::new, |own| own.as_bytes().to_vec());
        for cookie in fitting {
            if !line.is_empty() {
                line.extend_from_slice(b"; ");
            }
            line.extend_from_slice(format!("{}={}", cookie.name, cookie.value).as_bytes());
        }
        let mut header = HeaderValue::from_bytes(&line).ok()?;
        header.set_sensitive(true);
        (!line.is_empty()).then_some(header)
    }
}

impl Cookie {
    fn parse(text: &str, uri: &Uri, now: SystemTime) -> Option<Self> {
        let mut parts = text.split(';');
        let (name, value) = parts.next()?.split_once('=')?;
        let (name, value) = (name.trim(), value.trim());
        if name.is_empty() || name.len() + value.len() > LONGEST {
            return None;
        }
        let host = host(uri)?;
        let mut cookie = Self {
            name: name.to_owned(),
            value: value.to_owned(),
            domain: host.clone(),
            subdomains: false,
            path: default_path(uri.path()),
            secure: false,
            expires: None,
        };
        let mut age = None;
        for part in parts {
            let (key, value) = part.split_once('=').unwrap_or((part, ""));
            let value = value.trim();
            match key.trim().to_ascii_lowercase().as_str() {
                "domain" if !value.is_empty() => {
                    let domain = value.trim_start_matches('.').to_ascii_lowercase();
                    // A whole top-level domain is nobody's.
                    let may = is_below(&host, &domain) && (domain == host || domain.contains('.'));
                    if !may {
                        return None;
                    }
                    (cookie.domain, cookie.subdomains) = (domain, true);
                }
                "path" if value.starts_with('/') => value.clone_into(&mut cookie.path),
                "secure" => cookie.secure = true,
                "max-age" => age = value.parse::<i64>().ok().or(age),
                "expires" => cookie.expires = httpdate::parse_http_date(value).ok(),
                _ => {}
            }
        }
        if let Some(age) = age {
            let age = Duration::from_secs(u64::try_from(age).unwrap_or(0));
            cookie.expires = now.checked_add(age);
        }
        let is_secure = uri.scheme_str() == Some("https");
        (!cookie.secure || is_secure).then_some(cookie)
    }

    /// In the header, with what separates it from the next.
    fn len(&self) -> usize {
        self.name.len() + self.value.len() + "=; ".len()
    }

    fn is_same(&self, other: &Self) -> bool {
        (&self.name, &self.domain, &self.path) == (&other.name, &other.domain, &other.path)
    }

    fn is_expired(&self, now: SystemTime) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }

    fn fits(&self, uri: &Uri) -> bool {
        let on_host = host(uri).is_some_and(|host| match self.subdomains {
            true => is_below(&host, &self.domain),
            false => host == self.domain,
        });
        let below_path = uri.path().strip_prefix(&*self.path).is_some_and(|rest| {
            rest.is_empty() || rest.starts_with('/') || self.path.ends_with('/')
        });
        on_host && below_path && (!self.secure || uri.scheme_str() == Some("https"))
    }
}

fn host(uri: &Uri) -> Option<String> {
    uri.host().map(str::to_ascii_lowercase)
}

/// Whether a host is a domain or lies below it; addresses have no domains.
fn is_below(host: &str, domain: &str) -> bool {
    host == domain
        || (host.parse::<IpAddr>().is_err()
            && host
                .strip_suffix(domain)
                .is_some_and(|rest| rest.ends_with('.')))
}

/// The folder of a request (RFC 6265, section 5.1.4).
fn default_path(path: &str) -> String {
    match path.rfind('/') {
        None | Some(0) => "/".to_owned(),
        Some(end) => path[..end].to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: SystemTime = SystemTime::UNIX_EPOCH;

    fn uri(text: &str) -> Uri {
        text.parse().expect("an address")
    }

    fn set(jar: &mut Jar, from: &str, cookies: &[&str]) {
        let mut headers = HeaderMap::new();
        for cookie in cookies {
            headers.append(SET_COOKIE, cookie.parse().expect("a header"));
        }
        jar.store(&uri(from), &headers, NOW);
    }

    fn sent(jar: &Jar, to: &str) -> String {
        let header = jar.header(&uri(to), None, NOW);
        header.map_or_else(String::new, |header| {
            header.to_str().expect("a text").to_owned()
        })
    }

    #[test]
    fn a_cookie_goes_to_its_own_host_and_path() {
        let mut jar = Jar::default();
        let from = "http://a.example.com/chat/negotiate?x=1";
        set(&mut jar, from, &["plain=1; HttpOnly", "root=2; Path=/"]);
        assert_eq!(sent(&jar, "http://a.example.com/chat"), "plain=1; root=2");
        assert_eq!(
            sent(&jar, "http://A.example.com:81/chat?id=1"),
            "plain=1; root=2"
        );
        assert_eq!(sent(&jar, "http://a.example.com/chat/x"), "plain=1; root=2");
        assert_eq!(sent(&jar, "http://a.example.com/chatter"), "root=2");
        assert_eq!(sent(&jar, "http://b.example.com/chat"), "");
        assert_eq!(sent(&jar, "http://x.a.example.com/chat"), "");
    }

    #[test]
    fn domains_reach_down_and_never_aside_or_to_the_top() {
        let mut jar = Jar::default();
        let from = "http://a.example.com/";
        set(
            &mut jar,
            from,
            &[
                "wide=1; Domain=.example.com",
                "top=1; Domain=com",
                "other=1; Domain=b.example.com",
                "tail=1; Domain=ple.com",
            ],
        );
        assert_eq!(sent(&jar, "http://b.example.com/"), "wide=1");
        assert_eq!(sent(&jar, "http://example.com/"), "wide=1");
        assert_eq!(sent(&jar, "http://badexample.com/"), "");
        assert_eq!(sent(&jar, from), "wide=1");
        set(&mut jar, "http://127.0.0.1/", &["ip=1; Domain=0.0.1"]);
        assert_eq!(sent(&jar, "http://127.0.0.1/"), "");
    }

    #[test]
    fn secure_ones_stay_on_https() {
        let mut jar = Jar::default();
        set(&mut jar, "http://h/", &["forged=1; Secure"]);
        set(&mut jar, "https://h/", &["real=1; secure"]);
        assert_eq!(sent(&jar, "http://h/"), "");
        assert_eq!(sent(&jar, "https://h/"), "real=1");
    }

    #[test]
    fn a_later_one_replaces_and_age_or_date_removes() {
        let mut jar = Jar::default();
        set(
            &mut jar,
            "http://h/",
            &["a=1", "b=1; Max-Age=60", "c=1", "d=1"],
        );
        set(
            &mut jar,
            "http://h/",
            &[
                "a=2",
                "c=; Max-Age=0",
                "d=; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
                "e=1; Max-Age=-5; Expires=Thu, 01 Jan 2099 00:00:00 GMT",
            ],
        );
        assert_eq!(sent(&jar, "http://h/"), "b=1; a=2");
        let later = NOW + Duration::from_secs(60);
        let header = jar.header(&uri("http://h/"), None, later);
        assert_eq!(header.expect("one is left"), "a=2");
    }

    #[test]
    fn the_users_own_come_first() {
        let mut jar = Jar::default();
        let own = HeaderValue::from_static("own=1");
        let header = jar.header(&uri("http://h/"), Some(&own), NOW);
        assert_eq!(header.expect("the own one"), "own=1");
        set(&mut jar, "http://h/", &["a=1"]);
        let header = jar.header(&uri("http://h/"), Some(&own), NOW);
        assert_eq!(header.expect("both"), "own=1; a=1");
    }

    #[test]
    fn there_is_an_end_to_what_is_kept() {
        let mut jar = Jar::default();
        let long = format!("long={}", "x".repeat(LONGEST));
        set(&mut jar, "http://h/", &[&long, "no value", "=x", ""]);
        assert_eq!(sent(&jar, "http://h/"), "");
        for number in 0..1_000 {
            set(&mut jar, "http://h/", &[&format!("n{number}=1")]);
        }
        assert_eq!(jar.0.len(), MOST);
        assert!(sent(&jar, "http://h/").ends_with("n999=1"));
    }
    #[test]
    fn no_more_than_servers_read_is_sent_and_the_latest_stay() {
        let mut jar = Jar::default();
        let long = "x".repeat(LONGEST - 2);
        for number in 0..9 {
            set(&mut jar, "http://h/", &[&format!("n{number}={long}")]);
        }
        set(
            &mut jar,
            "http://h/deep/",
            &["affinity=1", "root=1; Path=/"],
        );
        assert_eq!(
            sent(&jar, "http://h/deep/er"),
            format!("affinity=1; n8={long}; root=1")
        );
        // What another host has set takes no room.
        set(&mut jar, "http://other/", &[&format!("n9={long}")]);
        assert_eq!(sent(&jar, "http://h/"), format!("n8={long}; root=1"));
        let own = HeaderValue::try_from(&long).expect("a value");
        let header = jar.header(&uri("http://h/"), Some(&own), NOW);
        assert_eq!(header.expect("both"), format!("{long}; root=1"));
        // Up to the last byte, and never a part of one.
        for (length, n8) in [(3_887, format!("n8={long}; ")), (3_888, String::new())] {
            let last = format!("last={}", "x".repeat(length - 1));
            set(&mut jar, "http://h/", &[&last]);
            assert_eq!(sent(&jar, "http://h/"), format!("{n8}root=1; {last}"));
        }
    }
}
