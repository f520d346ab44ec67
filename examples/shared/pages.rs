//! A page and its parts, compiled in.

use std::{collections::BTreeMap, fs, future, path::Path};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;

/// A script from npm that a page can ask for, by its file's name in a comment.
struct Script {
    package: &'static str,
    file: &'static str,
    /// Pinned twice, by version and by hash: a page should not run what somebody else may change.
    hash: &'static str,
}

const VERSION: &str = "10.0.11";
const SCRIPTS: [Script; 2] = [
    Script {
        package: "@microsoft/signalr",
        file: "signalr.min.js",
        hash: "sha384-N+pL/4qXZHZcvsa6hVMd5/7cdF3lC59ZMNHeQyRo5q9jmC7yw0hcJILPjUDSU7ZS",
    },
    Script {
        package: "@microsoft/signalr-protocol-msgpack",
        file: "signalr-protocol-msgpack.min.js",
        hash: "sha384-n6iFjTkQ2ZSd8IQ2S54Pdvo3eSmk/ulGO1Uc2ZNzAS7A6mGgJGQ9ZG0u75b2MWrp",
    },
];

/// Scripts and styles only from here and the CDN, so that even markup that slipped through could not run.
const POLICY: &str = "default-src 'none'; script-src 'self' https://cdn.jsdelivr.net; style-src 'self'; img-src 'self'; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The files that every page may use.
const SHARED: [(&str, &str); 4] = [
    ("base.css", include_str!("base.css")),
    ("connection.js", include_str!("connection.js")),
    ("element.js", include_str!("element.js")),
    ("icon.svg", include_str!("icon.svg")),
];

/// What a server answers outside of its hubs.
#[derive(Debug)]
pub struct Pages(BTreeMap<&'static str, Bytes>);

impl Pages {
    /// A page, and by their names the files that it asks for.
    ///
    /// Where it says `<!-- signalr.min.js -->`, the SignalR client is put: from a local npm install if there is one, else from
    /// a CDN.
    #[must_use]
    pub fn new(index: &str, files: &[(&'static str, &'static str)]) -> Self {
        let mut index = index.to_owned();
        let mut pages = BTreeMap::new();
        for &(name, text) in SHARED.iter().chain(files) {
            pages.insert(name, Bytes::from_static(text.as_bytes()));
        }
        for script in &SCRIPTS {
            let marker = format!("<!-- {} -->", script.file);
            let local = script.installed().filter(|_| index.contains(&marker));
            index = index.replace(&marker, &script.tag(local.is_some()));
            if let Some(text) = local {
                pages.insert(script.file, text);
            }
        }
        pages.insert("", index.into());
        Self(pages)
    }

    /// Answers a request, or says that there is no such file.
    pub fn answer<B>(&self, request: &Request<B>) -> future::Ready<Response<Full<Bytes>>> {
        let name = request.uri().path().trim_start_matches('/');
        let (status, kind, body) = match self.0.get(name) {
            _ if ![Method::GET, Method::HEAD].contains(request.method()) => {
                (StatusCode::METHOD_NOT_ALLOWED, "text/plain", Bytes::new())
            }
            Some(body) => (StatusCode::OK, kind(name), body.clone()),
            None => (
                StatusCode::NOT_FOUND,
                "text/plain",
                Bytes::from_static(b"not here"),
            ),
        };
        let mut response = Response::new(Full::new(body));
        *response.status_mut() = status;
        for (name, value) in [
            (header::CONTENT_TYPE, kind),
            (header::CONTENT_SECURITY_POLICY, POLICY),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (header::REFERRER_POLICY, "no-referrer"),
            // After an update of the server the page must not mix old parts with new ones.
            (header::CACHE_CONTROL, "no-cache"),
        ] {
            let value = HeaderValue::from_static(value);
            response.headers_mut().insert(name, value);
        }
        future::ready(response)
    }
}

impl Script {
    fn installed(&self) -> Option<Bytes> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        ["node_modules", "tests/interop/node_modules"]
            .iter()
            .map(|modules| root.join(modules).join(self.package))
            .find_map(|package| fs::read(package.join("dist/browser").join(self.file)).ok())
            .map(Bytes::from)
    }

    fn tag(&self, local: bool) -> String {
        let Self {
            package,
            file,
            hash,
        } = self;
        if local {
            return format!(r#"<script src="{file}"></script>"#);
        }
        let url = format!("https://cdn.jsdelivr.net/npm/{package}@{VERSION}/dist/browser/{file}");
        format!(r#"<script src="{url}" integrity="{hash}" crossorigin="anonymous"></script>"#)
    }
}

fn kind(name: &str) -> &'static str {
    match Path::new(name).extension().and_then(|kind| kind.to_str()) {
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "text/html; charset=utf-8",
    }
}
