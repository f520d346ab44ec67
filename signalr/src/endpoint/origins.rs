//! Which pages may use a hub (transports reference, section 13).

use http::{
    HeaderValue,
    header::{HOST, ORIGIN},
    request::Parts,
    uri::Authority,
};

/// How many bytes of what was refused are repeated.
const SHOWN: usize = 200;

/// In the extensions of a request that has come over TLS to our own listener.
#[cfg(all(feature = "standalone", feature = "rustls"))]
#[derive(Clone, Copy, Debug)]
pub(crate) struct OverTls;

/// Whose pages may use a hub, besides those of its own origin.
#[derive(Clone, Debug)]
pub(crate) enum Origins {
    /// These, or why one of them is none.
    Listed(Vec<Result<Allowed, String>>),
    Any,
}

/// What the origin of a request says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Source<'a> {
    /// No browser, or a page of the hub's own origin.
    Here,
    /// A page of another origin that is allowed.
    Elsewhere(&'a HeaderValue),
}

impl Origins {
    pub(crate) fn listed<S: AsRef<str>>(origins: impl IntoIterator<Item = S>) -> Self {
        let origins = origins.into_iter();
        Self::Listed(origins.map(|text| Allowed::read(text.as_ref())).collect())
    }

    /// The rule that a listed origin breaks, if one does.
    pub(crate) fn mistake(&self) -> Option<&str> {
        match self {
            Self::Listed(origins) => origins
                .iter()
                .find_map(|origin| Some(origin.as_ref().err()?.as_str())),
            Self::Any => None,
        }
    }

    /// Whether pages of any other origin are allowed.
    pub(super) fn is_open(&self) -> bool {
        match self {
            Self::Listed(origins) => !origins.is_empty(),
            Self::Any => true,
        }
    }

    /// Asks where a request comes from.
    ///
    /// # Errors
    /// From a page that may not use the hub; why not, for whoever looks after it.
    pub(super) fn check<'a>(&self, parts: &'a Parts) -> Result<Source<'a>, String> {
        let mut origins = parts.headers.get_all(ORIGIN).iter();
        let Some(header) = origins.next() else {
            return Ok(Source::Here);
        };
        let listed = match self {
            Self::Any => return Ok(Source::Elsewhere(header)),
            Self::Listed(listed) => listed,
        };
        let origin = header.to_str().ok().and_then(Origin::parse);
        // A browser sends one.
        let Some(origin) = origin.filter(|_| origins.next().is_none()) else {
            return Err(refusal(header, parts));
        };
        if listed.iter().flatten().any(|allowed| allowed.fits(&origin)) {
            return Ok(Source::Elsewhere(header));
        }
        let is_same = Place::of(parts).is_some_and(|here| here.is_of(&origin));
        is_same
            .then_some(Source::Here)
            .ok_or_else(|| refusal(header, parts))
    }
}

impl Default for Origins {
    fn default() -> Self {
        Self::Listed(Vec::new())
    }
}

fn refusal(header: &HeaderValue, parts: &Parts) -> String {
    let shown = |bytes: &[u8]| bytes[..bytes.len().min(SHOWN)].escape_ascii().to_string();
    let origin = shown(header.as_bytes());
    let here = Place::of(parts).map_or_else(
        || "unknown".to_owned(),
        |here| format!("'{}'", shown(here.authority.as_str().as_bytes())),
    );
    format!(
        "The origin '{origin}' may not use this hub: it is not that of the request's host ({here}), and `allow_origins` does not list it."
    )
}

/// An origin as browsers write it: `scheme://host` or `scheme://host:port`.
#[derive(Clone, Debug)]
struct Origin {
    scheme: String,
    place: Place,
}

impl Origin {
    /// `null` is none: nothing tells the pages apart that have it.
    fn parse(text: &str) -> Option<Self> {
        let (scheme, authority) = text.split_once("://")?;
        let is_named = scheme.starts_with(|first: char| first.is_ascii_alphabetic());
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
        Some(Self {
            scheme: (is_named && scheme.bytes().all(fits)).then(|| scheme.to_ascii_lowercase())?,
            place: Place::parse(authority)?,
        })
    }

    fn port(&self) -> Option<u16> {
        self.place.port.or_else(|| self.default_port())
    }

    fn default_port(&self) -> Option<u16> {
        match &*self.scheme {
            "http" => Some(80),
            "https" => Some(443),
            _ => None,
        }
    }
}

/// A host, and its port if that is said.
#[derive(Clone, Debug)]
struct Place {
    authority: Authority,
    port: Option<u16>,
    /// It is known to be reached over TLS.
    is_secure: bool,
}

impl Place {
    fn parse(text: &str) -> Option<Self> {
        let authority = Authority::try_from(text).ok()?;
        // Without user information the host comes first.
        let port = match authority.as_str().strip_prefix(authority.host())? {
            "" => None,
            port => Some(port.strip_prefix(':')?.parse().ok()?),
        };
        Some(Self {
            authority,
            port,
            is_secure: false,
        })
    }

    /// Where the client thinks that it is: HTTP/2 says so in the URI, HTTP/1.1 in one `Host`.
    fn of(parts: &Parts) -> Option<Self> {
        let mut hosts = parts.headers.get_all(HOST).iter();
        let place = match (parts.uri.authority(), hosts.next(), hosts.next()) {
            (Some(authority), _, _) => Self::parse(authority.as_str())?,
            (None, Some(host), None) => Self::parse(host.to_str().ok()?)?,
            _ => return None,
        };
        let is_secure = parts.uri.scheme_str() == Some("https");
        #[cfg(all(feature = "standalone", feature = "rustls"))]
        let is_secure = is_secure || parts.extensions.get::<OverTls>().is_some();
        Some(Self { is_secure, ..place })
    }

    /// Where TLS ends in front of us we see nothing of it, so the page's scheme is taken for ours. But what is known to be secure is
    /// the origin of secure pages alone.
    fn is_of(&self, origin: &Origin) -> bool {
        let host = origin.place.authority.host();
        self.authority.host().eq_ignore_ascii_case(host)
            && self.port.or_else(|| origin.default_port()) == origin.port()
            && (!self.is_secure || origin.scheme == "https")
    }
}

/// A listed origin; `*.` in front of its host stands for one label or more.
#[derive(Clone, Debug)]
pub(crate) struct Allowed {
    origin: Origin,
    /// What hosts must end with, instead of being the same.
    domain: Option<String>,
}

impl Allowed {
    fn read(text: &str) -> Result<Self, String> {
        if text.eq_ignore_ascii_case("null") {
            let rule =
                "must not name `null`, which any page can take on: `allow_any_origin` says that";
            return Err(rule.to_owned());
        }
        // What people copy from an address bar.
        let origin = Origin::parse(text.strip_suffix('/').unwrap_or(text));
        let read = origin.and_then(|origin| {
            let host = origin.place.authority.host();
            let domain = host.strip_prefix('*').map(str::to_ascii_lowercase);
            let is_plain = match &domain {
                Some(domain) => {
                    domain.len() > 1 && domain.starts_with('.') && !domain.contains('*')
                }
                None => !host.contains('*'),
            };
            is_plain.then_some(Self { origin, domain })
        });
        read.ok_or_else(|| {
            format!(
                "must name origins such as `https://app.example`, `http://localhost:3000` or `https://*.example`, but names `{text}`"
            )
        })
    }

    fn fits(&self, origin: &Origin) -> bool {
        let host = origin.place.authority.host().to_ascii_lowercase();
        let is_there = match &self.domain {
            Some(domain) => host.len() > domain.len() && host.ends_with(&**domain),
            None => host.eq_ignore_ascii_case(self.origin.place.authority.host()),
        };
        is_there && self.origin.scheme == origin.scheme && self.origin.port() == origin.port()
    }
}
