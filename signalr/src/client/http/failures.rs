//! What goes wrong with requests, in words that name the request.

use std::time::Duration;

use http::{StatusCode, Uri};

use super::shown::shown;
use crate::error::{Error, Kind};

pub(super) type BoxError = Box<dyn std::error::Error + Send + Sync>;

pub(super) fn refused(what: &'static str, uri: &Uri, status: StatusCode) -> Error {
    let kind = Kind::Status {
        what,
        url: shown(uri),
        status: status.as_u16(),
    };
    kind.into()
}

pub(super) fn too_late(what: &'static str, uri: &Uri, after: Duration) -> Error {
    let url = shown(uri);
    Kind::RequestTimeout { what, url, after }.into()
}

pub(super) fn failed(what: &'static str, uri: &Uri, source: impl Into<BoxError>) -> Error {
    let kind = Kind::ConnectBy {
        what: format!("{what} at {} failed", shown(uri)),
        source: source.into(),
    };
    kind.into()
}
