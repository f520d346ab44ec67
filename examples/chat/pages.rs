//! The page and its parts, compiled in.

use std::{fs, path::Path};

use bytes::Bytes;
use http::{Method, Response, StatusCode, header};
use http_body_util::Full;

const CLIENT: &str = "dist/browser/signalr.min.js";
/// Pinned twice, by version and by hash: a page should not run what somebody else may change.
const CDN: &str = concat!(
    r#"<script src="https://cdn.jsdelivr.net/npm/@microsoft/signalr@10.0.11/dist/browser/signalr.min.js" "#,
    r#"integrity="sha384-N+pL/4qXZHZcvsa6hVMd5/7cdF3lC59ZMNHeQyRo5q9jmC7yw0hcJILPjUDSU7ZS" crossorigin="anonymous"></script>"#
);
const LOCAL: &str = r#"<script src="signalr.min.js"></script>"#;
/// Scripts and styles only from here and the CDN, so that even markup that slipped through could not run.
const POLICY: &str = "default-src 'none'; script-src 'self' https://cdn.jsdelivr.net; style-src 'self'; img-src 'self'; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

/// What the server answers outside of the hub.
pub(crate) struct Pages {
    index: Bytes,
    client: Option<Bytes>,
}

impl Pages {
    /// Takes the SignalR client from a local npm install if there is one; else the page asks a CDN for it.
    pub(crate) fn load() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let client = ["node_modules", "tests/interop/node_modules"]
            .iter()
            .find_map(|dir| fs::read(root.join(dir).join("@microsoft/signalr").join(CLIENT)).ok());
        let script = if client.is_some() { LOCAL } else { CDN };
        let index = include_str!("page/index.html").replace("<!-- signalr.js -->", script);
        Self {
            index: index.into(),
            client: client.map(Bytes::from),
        }
    }

    fn find(&self, path: &str) -> Option<(&'static str, Bytes)> {
        let file = |text: &'static str| Bytes::from_static(text.as_bytes());
        Some(match path {
            "/" => (HTML, self.index.clone()),
            "/style.css" => (CSS, file(include_str!("page/style.css"))),
            "/app.js" => (JS, file(include_str!("page/app.js"))),
            "/connection.js" => (JS, file(include_str!("page/connection.js"))),
            "/log.js" => (JS, file(include_str!("page/log.js"))),
            "/side.js" => (JS, file(include_str!("page/side.js"))),
            "/icon.svg" => (SVG, file(include_str!("page/icon.svg"))),
            "/signalr.min.js" => (JS, self.client.clone()?),
            _ => return None,
        })
    }

    pub(crate) fn answer(&self, method: &Method, path: &str) -> Response<Full<Bytes>> {
        let (status, kind, body) = match self.find(path) {
            _ if method != Method::GET && method != Method::HEAD => {
                (StatusCode::METHOD_NOT_ALLOWED, "text/plain", Bytes::new())
            }
            Some((kind, body)) => (StatusCode::OK, kind, body),
            None => (
                StatusCode::NOT_FOUND,
                "text/plain",
                Bytes::from_static(b"not here"),
            ),
        };
        Response::builder()
            .status(status)
            .header(header::CONTENT_TYPE, kind)
            .header(header::CONTENT_SECURITY_POLICY, POLICY)
            .header(header::X_CONTENT_TYPE_OPTIONS, "nosniff")
            .header(header::REFERRER_POLICY, "no-referrer")
            // After an update of the server the page must not mix old parts with new ones.
            .header(header::CACHE_CONTROL, "no-cache")
            .body(Full::new(body))
            .expect("every part of it is valid")
    }
}
