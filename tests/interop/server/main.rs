//! The server that other people's clients are tested against: the official JavaScript client, and two for Python.
//!
//! `/hub` has all kinds of plain calls, `/streams` streams both ways, `/questions` asks its clients. Of the first there are
//! more: `/detailed` shows inner errors, `/quick` has short timers, `/large` takes messages of 256 KiB, `/compressed`
//! compresses, `/members` asks for a token, which is the user's name. `/refuse` lets nobody in; `/pascal` talks to its clients
//! as .NET code does. All else is a page without content, for scripts of a browser. Takes an address, and origins whose pages
//! may use `/large`; prints the URL it serves. With a path in `INTEROP_TLS` it serves `https`, with a certificate signed by itself,
//! which it writes there.

mod everything;
mod odd;
mod questions;
mod streams;
mod values;

use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::{Request, Response, header};
use hyper::body::Incoming;
use signalr::{Denied, HubServer, Identity, Server, Tls};

use crate::everything::Everything;
use crate::odd::{Pascal, Refuse};
use crate::questions::Questions;
use crate::streams::Streams;

async fn page(_: Request<Incoming>) -> Response<String> {
    let mut response = Response::new("<!doctype html><title>Interop</title>".to_owned());
    let html = header::HeaderValue::from_static("text/html; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, html);
    response
}

/// A certificate for clients that read it from a file.
fn self_signed(path: &Path) -> Result<Tls, Box<dyn std::error::Error>> {
    let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
    let made = rcgen::generate_simple_self_signed(names)?;
    std::fs::write(path, made.cert.pem())?;
    let key = made.signing_key.serialize_pem();
    Ok(Tls::from_pem(made.cert.pem(), key)?)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let user = |parts: &http::request::Parts| {
        let query = parts.uri.query().unwrap_or_default();
        query
            .split('&')
            .find_map(|pair| pair.strip_prefix("user="))
            .map(str::to_owned)
    };
    let outside = Arc::new(OnceLock::new());
    let everything = HubServer::builder(Everything::new(&outside))
        .user_id(user)
        .build()?;
    outside.get_or_init(|| everything.context());
    let detailed = HubServer::builder(Everything::default())
        .detailed_errors(true)
        .build()?;
    let quick = HubServer::builder(Everything::default())
        .keep_alive(Duration::from_millis(500))
        .client_timeout(Duration::from_secs(2))
        .build()?;
    let large = HubServer::builder(Everything::default())
        .max_receive_size(256 * 1024)
        .allow_origins(std::env::args().skip(2))
        .build()?;
    let stateful = HubServer::builder(Everything::default())
        .stateful_reconnect(true)
        .parallel_invocations(2)
        .build()?;
    let compressed = HubServer::builder(Everything::default())
        .compression(true)
        .build()?;
    let outside = Arc::new(OnceLock::new());
    let questions = HubServer::new(Questions::new(&outside));
    outside.get_or_init(|| questions.context());

    let members = HubServer::builder(Everything::default())
        .authorize(|request| match signalr::access_token(request) {
            Some(user) => Ok(Identity::user(user)),
            None => Err(Denied::Unauthorized),
        })
        .build()?;

    let server = Server::new()
        .mount(everything.at("/hub"))
        .mount(detailed.at("/detailed"))
        .mount(quick.at("/quick"))
        .mount(large.at("/large"))
        .mount(members.at("/members"))
        .mount(compressed.at("/compressed"))
        .mount(stateful.at("/stateful"))
        .mount(HubServer::new(Streams).at("/streams"))
        .mount(questions.at("/questions"))
        .mount(HubServer::new(Refuse).at("/refuse"))
        .mount(HubServer::new(Pascal).at("/pascal"))
        .fallback(page);
    let (server, scheme) = match std::env::var_os("INTEROP_TLS") {
        Some(path) => (server.tls(self_signed(path.as_ref())?), "https"),
        None => (server, "http"),
    };
    let address = std::env::args().nth(1);
    let address = address.unwrap_or_else(|| "127.0.0.1:0".into());
    let server = server.bind(address).await?;
    println!("{scheme}://{}", server.local_addr()?);

    // A test that stops the server sends SIGINT, as a person would.
    let interrupted = async {
        tokio::signal::ctrl_c().await.ok();
    };
    server.run_until(interrupted, Duration::from_secs(5)).await;
    Ok(())
}
