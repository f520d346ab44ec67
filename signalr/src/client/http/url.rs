//! The addresses that a hub is reached at.

use http::{Uri, uri::PathAndQuery};

use super::shown::{shown, without_secrets};
use crate::error::{Error, Kind};

const VERSION: &str = "negotiateVersion";
const STATEFUL: &str = "useStatefulReconnect=true";

/// An absolute address of http or https, without user name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct HubUrl(Uri);

impl HubUrl {
    /// Reads an address.
    ///
    /// # Errors
    /// What is wrong, behind "the address …".
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        const RULE: &str = "must be an absolute http or https URL";
        if text.is_empty() {
            return Err(format!("{RULE}, but is empty"));
        }
        let uri: Uri = text
            .parse()
            .map_err(|error| format!("{RULE}, but is `{}`: {error}", without_secrets(text)))?;
        if !matches!(uri.scheme_str(), Some("http" | "https")) || uri.host().is_none() {
            return Err(format!("{RULE}, but is `{}`", without_secrets(text)));
        }
        // Behind a `#` lies the rest of a password, and the server that was meant.
        let fragment = text.find('#').map_or("", |at| &text[at..]);
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        if authority.contains('@') || fragment.contains('@') {
            return Err(format!(
                "must not hold a user name, but is `{}`: credentials are sent as an access token or a header",
                without_secrets(text)
            ));
        }
        // One that is no number counts as none elsewhere, and another server would be asked.
        check_port(&uri, text)?;
        Ok(Self(uri))
    }

    pub(super) fn is_secure(&self) -> bool {
        self.0.scheme_str() == Some("https")
    }

    /// Where to ask for a connection, or for one that outlives its socket; a query that names a version keeps it.
    pub(super) fn negotiate(&self, stateful: bool) -> Uri {
        let query = self.0.query().unwrap_or("");
        let names_version = |pair: &str| pair.split('=').next().is_some_and(|name| name == VERSION);
        let version = (!query.split('&').any(names_version)).then(|| format!("{VERSION}=1"));
        let stateful = stateful.then(|| STATEFUL.to_owned());
        let path = format!("{}/negotiate", self.0.path().trim_end_matches('/'));
        let uri = self.with(&path, version.into_iter().chain(stateful));
        uri.unwrap_or_else(|| self.0.clone())
    }

    /// Where to show new credentials for the connection of a token.
    ///
    /// # Errors
    /// The token is no part of a URL.
    pub(super) fn refresh(&self, token: &str) -> Result<Uri, Error> {
        let path = format!("{}/refresh", self.0.path().trim_end_matches('/'));
        self.of_connection(&path, token)
    }

    /// Where to open the connection of a token, which the query takes as it is.
    ///
    /// # Errors
    /// The token is no part of a URL.
    pub(super) fn connect(&self, token: Option<&str>) -> Result<Uri, Error> {
        let Some(token) = token else {
            return Ok(self.0.clone());
        };
        self.of_connection(self.0.path(), token)
    }

    fn of_connection(&self, path: &str, token: &str) -> Result<Uri, Error> {
        // A token with a separator would add parameters, or hide behind a fragment.
        let fits = !token.trim().is_empty() && !token.contains(['&', '#']);
        fits.then(|| self.with(path, [format!("id={token}")]))
            .flatten()
            .ok_or_else(|| Kind::Connect("Invalid connection id.".into()).into())
    }

    fn with(&self, path: &str, parameters: impl IntoIterator<Item = String>) -> Option<Uri> {
        let query = self.0.query().filter(|query| !query.is_empty());
        let query = query.map(str::to_owned);
        let queries: Vec<String> = query.into_iter().chain(parameters).collect();
        let path_and_query = match queries.is_empty() {
            true => path.to_owned(),
            false => format!("{path}?{}", queries.join("&")),
        };
        let mut parts = self.0.clone().into_parts();
        parts.path_and_query = Some(PathAndQuery::try_from(path_and_query).ok()?);
        Uri::from_parts(parts).ok()
    }
}

impl std::fmt::Display for HubUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&shown(&self.0))
    }
}

/// `text`: what the address was read from.
///
/// # Errors
/// Its port is none; said behind "the address …".
pub(super) fn check_port(uri: &Uri, text: &str) -> Result<(), String> {
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    let server = authority.rsplit('@').next().unwrap_or("");
    let host = uri.host().map_or(0, str::len);
    let port = server.get(host..).and_then(|rest| rest.strip_prefix(':'));
    let Some(port) = port.filter(|port| !port.is_empty()) else {
        return Ok(());
    };
    if port.parse::<u16>().is_ok_and(|port| port > 0) {
        return Ok(());
    }
    let shown = without_secrets(text);
    // What looks like a port may begin a password.
    let is_number = port.bytes().all(|byte| byte.is_ascii_digit()) && !text.contains('@');
    let port = match is_number {
        true => format!(" with the port {port}"),
        false => String::new(),
    };
    Err(format!(
        "must have a port from 1 to 65535, but is `{shown}`{port}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> HubUrl {
        HubUrl::parse(text).expect("an address")
    }

    #[test]
    fn negotiation_has_one_slash_and_keeps_the_query() {
        for (hub, negotiate) in [
            ("http://h/", "http://h/negotiate?negotiateVersion=1"),
            ("http://h", "http://h/negotiate?negotiateVersion=1"),
            (
                "http://h/?q=1/0",
                "http://h/negotiate?q=1/0&negotiateVersion=1",
            ),
            (
                "http://h/endpoint",
                "http://h/endpoint/negotiate?negotiateVersion=1",
            ),
            (
                "http://h/endpoint/",
                "http://h/endpoint/negotiate?negotiateVersion=1",
            ),
            (
                "https://h:8443/endpoint?q=1/0",
                "https://h:8443/endpoint/negotiate?q=1/0&negotiateVersion=1",
            ),
            (
                "http://h/?negotiateVersion=0&q=1",
                "http://h/negotiate?negotiateVersion=0&q=1",
            ),
        ] {
            assert_eq!(url(hub).negotiate(false).to_string(), negotiate, "{hub}");
            assert_eq!(
                url(hub).negotiate(true).to_string(),
                format!("{negotiate}&useStatefulReconnect=true"),
                "{hub}"
            );
        }
    }

    #[test]
    fn the_token_is_appended_as_it_is() {
        for (hub, token, connect) in [
            ("http://h/chat", "a-b_c", "http://h/chat?id=a-b_c"),
            ("http://h/chat?q=1", "a%2Fb", "http://h/chat?q=1&id=a%2Fb"),
            ("http://h", "a/b=", "http://h/?id=a/b="),
        ] {
            let uri = url(hub).connect(Some(token)).expect("a token");
            assert_eq!(uri.to_string(), connect);
        }
        for token in ["", "  ", "a b", "a\r\nb: c", "a&b", "a#b"] {
            let error = url("http://h/chat").connect(Some(token));
            assert_eq!(
                error.expect_err("no token").to_string(),
                "Invalid connection id.",
                "{token:?}"
            );
        }
        let uri = url("http://h/chat?q=1").connect(None).expect("as it is");
        assert_eq!(uri.to_string(), "http://h/chat?q=1");
    }

    #[test]
    fn a_refresh_has_one_slash_the_query_and_the_token() {
        for (hub, refresh) in [
            ("http://h", "http://h/refresh?id=a/b="),
            ("http://h/", "http://h/refresh?id=a/b="),
            ("https://h:8443/hub", "https://h:8443/hub/refresh?id=a/b="),
            ("http://h/hub/?q=1/0", "http://h/hub/refresh?q=1/0&id=a/b="),
        ] {
            let uri = url(hub).refresh("a/b=").expect("a token");
            assert_eq!(uri.to_string(), refresh);
        }
        assert!(url("http://h").refresh("a&b").is_err());
    }

    #[test]
    fn what_is_no_address_is_shown_without_its_secrets() {
        for (text, shown) in [
            ("", "must be an absolute http or https URL, but is empty"),
            (
                "/chat?key=1",
                "must be an absolute http or https URL, but is `/chat`",
            ),
            (
                "ftp://h/chat?key=1",
                "must be an absolute http or https URL, but is `ftp://h/chat`",
            ),
            (
                "http://h h/?key=1",
                "must be an absolute http or https URL, but is `http://h h/`: invalid uri character",
            ),
            (
                "http://ann:secret@h/chat?key=1",
                "must not hold a user name, but is `http://…@h/chat`: credentials are sent as an access token or a header",
            ),
            (
                "http://h:99999/chat?key=1",
                "must have a port from 1 to 65535, but is `http://h:99999/chat` with the port 99999",
            ),
            (
                "http://h:1x/chat?key=1",
                "must have a port from 1 to 65535, but is `http://h:1x/chat`",
            ),
            (
                "http://ann:80#secret@h/chat",
                "must not hold a user name, but is `http://…`: credentials are sent as an access token or a header",
            ),
            (
                "http://ann:123456?secret@h/chat",
                "must have a port from 1 to 65535, but is `http://…`",
            ),
            (
                "http://[::1]:0/",
                "must have a port from 1 to 65535, but is `http://[::1]:0/` with the port 0",
            ),
        ] {
            assert_eq!(HubUrl::parse(text).expect_err("no address"), shown);
        }
        for whole in ["https://h:1/chat", "http://[::1]:65535/", "http://h:/"] {
            assert_eq!(url(&format!("{whole}?key=1")).to_string(), whole);
        }
    }
}
