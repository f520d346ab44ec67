//! Which pages may use a hub, and which are refused.

use std::net::SocketAddr;

use http::Request;
use http_body_util::Empty;
use signalr::{HubServer, HubServerBuilder, Server, hub};
use tower_service::Service;

use crate::support::web::{Answer, UPGRADE, Wire, ask, negotiate, serve, start};

const EVENTS: &str = "Accept: text/event-stream\r\n";
pub const APP: &str = "Origin: https://app.example\r\n";
pub const EVIL: &str = "Origin: http://evil.example\r\n";
/// What the official client asks for before it negotiates with a token.
pub const PREFLIGHT: &str = "Access-Control-Request-Method: POST\r\n\
    Access-Control-Request-Headers: authorization,content-type,x-requested-with,x-signalr-user-agent\r\n";

pub struct Quiet;

#[hub]
impl Quiet {}

pub fn builder() -> HubServerBuilder<Quiet> {
    HubServer::builder(Quiet)
}

pub fn listing(origins: &[&str]) -> HubServer<Quiet> {
    builder().allow_origins(origins).build().expect("valid")
}

/// The text that refuses an origin at the host `test`.
pub fn refusal(origin: &str) -> String {
    format!(
        "The origin '{origin}' may not use this hub: it is not that of the request's host ('test'), \
         and `allow_origins` does not list it."
    )
}

/// What each endpoint answers to a request with these headers, when all else about it is right, and the status of success.
pub async fn everywhere(addr: SocketAddr, headers: &str) -> [(&'static str, u16, Answer); 6] {
    let mut targets = Vec::new();
    for _ in 0..4 {
        targets.push(format!("/hub?id={}", negotiate(addr).await.1));
    }
    let opened = ask(addr, "GET", &targets[3], "").await;
    assert_eq!(opened.status, 200, "{opened:?}");
    let get = |target: &str, more: &str| {
        let (target, headers) = (target.to_owned(), format!("{more}{headers}"));
        async move { ask(addr, "GET", &target, &headers).await }
    };
    let negotiated = ask(addr, "POST", "/hub/negotiate?negotiateVersion=1", headers).await;
    [
        ("negotiate", 200, negotiated),
        ("WebSocket", 101, get("/hub", UPGRADE).await),
        ("events", 200, get(&targets[0], EVENTS).await),
        ("poll", 200, get(&targets[1], "").await),
        ("send", 200, ask(addr, "POST", &targets[2], headers).await),
        ("end", 202, ask(addr, "DELETE", &targets[3], headers).await),
    ]
}

/// A negotiation at a host of any name.
async fn at_host(addr: SocketAddr, host: &str, headers: &str) -> Answer {
    let mut wire = Wire::open(addr).await;
    let head = format!("POST /hub/negotiate HTTP/1.1\r\n{host}{headers}Content-Length: 0\r\n\r\n");
    wire.send(head.as_bytes()).await;
    wire.answer("POST").await
}

/// What a browser must see before the page gets the response.
#[track_caller]
pub fn expect_shared(answer: &Answer, origin: &str) {
    for (name, value) in [
        ("access-control-allow-origin", origin),
        ("access-control-allow-credentials", "true"),
    ] {
        assert_eq!(all(answer, name), [value], "{name}: {answer:?}");
    }
    assert!(all(answer, "vary").contains(&"Origin"), "{answer:?}");
}

#[track_caller]
pub fn expect_unshared(answer: &Answer) {
    assert!(
        !answer.head.to_lowercase().contains("access-control"),
        "{answer:?}"
    );
}

/// All values of a header.
pub fn all<'a>(answer: &'a Answer, name: &str) -> Vec<&'a str> {
    let fields = answer.head.lines().filter_map(|line| line.split_once(": "));
    let found = fields.filter(|(field, _)| field.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value).collect()
}

#[tokio::test]
async fn a_foreign_page_is_refused_by_name_at_every_endpoint() {
    for hub in [HubServer::new(Quiet), listing(&["https://app.example"])] {
        let addr = serve(&hub).await;
        for (endpoint, _, answer) in everywhere(addr, EVIL).await {
            answer.expect_text(403, &refusal("http://evil.example"));
            expect_unshared(&answer);
            assert_eq!(answer.header("upgrade"), None, "{endpoint}");
        }
        // Nothing was negotiated, opened, or ended: what is there was made without an origin.
        assert_eq!((hub.negotiation_count(), hub.connection_count()), (3, 1));
        for (method, headers) in [("OPTIONS", PREFLIGHT), ("OPTIONS", ""), ("PUT", "")] {
            let answer = ask(addr, method, "/hub", &format!("{EVIL}{headers}")).await;
            answer.expect_text(403, &refusal("http://evil.example"));
            expect_unshared(&answer);
        }
    }
}

#[tokio::test]
async fn its_own_pages_and_whoever_is_no_page_are_served_at_every_endpoint() {
    let hub = HubServer::new(Quiet);
    let addr = serve(&hub).await;
    for headers in ["", "Origin: http://test\r\n", "Origin: https://test\r\n"] {
        for (endpoint, status, answer) in everywhere(addr, headers).await {
            assert_eq!(answer.status, status, "{endpoint}: {answer:?}");
            expect_unshared(&answer);
            assert_eq!(
                answer.header("vary"),
                None,
                "{endpoint}: one answer for all"
            );
        }
    }
}

#[tokio::test]
async fn the_own_origin_is_the_host_and_the_port_of_the_request() {
    let addr = serve(&HubServer::new(Quiet)).await;
    for (origin, host, is_own) in [
        ("http://example.test", "example.test", true),
        ("http://example.test", "example.test:80", true),
        ("http://example.test:80", "example.test", true),
        ("https://example.test", "example.test", true),
        ("https://example.test", "example.test:443", true),
        ("http://example.test:5000", "example.test:5000", true),
        ("HTTP://Example.TEST", "eXample.test", true),
        ("http://[::1]:5000", "[::1]:5000", true),
        ("http://example.test", "example.test:443", false),
        ("https://example.test", "example.test:80", false),
        ("http://example.test", "example.test:5000", false),
        ("http://example.test:5000", "example.test", false),
        ("http://example.test:5001", "example.test:5000", false),
        ("http://example.test", "example.test.", false),
        ("http://example.test.evil.example", "example.test", false),
        ("http://evil.example.test", "example.test", false),
        ("http://example", "example.test", false),
        ("http://[::2]:5000", "[::1]:5000", false),
        ("http://example.test", "user@example.test", false),
        ("http://user@example.test", "example.test", false),
    ] {
        let headers = format!("Origin: {origin}\r\n");
        let answer = at_host(addr, &format!("Host: {host}\r\n"), &headers).await;
        let expected = if is_own { 200 } else { 403 };
        assert_eq!(answer.status, expected, "{origin} at {host}: {answer:?}");
    }
    // Where a proxy has changed the host, the text shows to what.
    let answer = at_host(addr, "Host: 10.0.0.7:5000\r\n", APP).await;
    assert!(answer.body.contains("'https://app.example'"), "{answer:?}");
    assert!(answer.body.contains("('10.0.0.7:5000')"), "{answer:?}");
}

#[tokio::test]
async fn without_one_host_no_origin_is_the_own_one() {
    let addr = serve(&HubServer::new(Quiet)).await;
    for host in [
        "",
        "Host: a.test\r\nHost: a.test\r\n",
        "Host: \r\n",
        "Host: a.test:99999\r\n",
    ] {
        let answer = at_host(addr, host, "Origin: http://a.test\r\n").await;
        assert_eq!(answer.status, 403, "{host:?}: {answer:?}");
        assert!(answer.body.contains("(unknown)"), "{host:?}: {answer:?}");
    }
}

#[tokio::test]
async fn what_is_no_origin_of_a_page_is_foreign() {
    let addr = serve(&listing(&["https://app.example"])).await;
    for origin in [
        "null",
        "NULL",
        "test",
        "//test",
        "://test",
        "http:/test",
        "http://",
        "http://test/",
        "http://test/page",
        "http://test?q",
        "http://test#x",
        "http://test:",
        "http://test:x",
        "http://test:99999",
        "http://test:-1",
        "http://user@test",
        "http://a@b@test",
        "1http://test",
        "ht tp://test",
        "http://test http://test",
        "https://app.example, https://app.example",
        "https://app.example/",
        "https://*.example",
        "*",
        "[::1",
    ] {
        let answer = ask(
            addr,
            "POST",
            "/hub/negotiate",
            &format!("Origin: {origin}\r\n"),
        )
        .await;
        answer.expect_text(403, &refusal(origin));
    }
    let answer = ask(addr, "POST", "/hub/negotiate", "Origin: \r\n").await;
    answer.expect_text(403, &refusal(""));
    // A browser sends one.
    let answer = ask(addr, "POST", "/hub/negotiate", &format!("{APP}{APP}")).await;
    answer.expect_text(403, &refusal("https://app.example"));
    // What is repeated is short, and nothing that a terminal would obey.
    let answer = ask(
        addr,
        "POST",
        "/hub/negotiate",
        "Origin: http://\u{9b}2J\r\n",
    )
    .await;
    answer.expect_text(403, &refusal(r"http://\xc2\x9b2J"));
    let long = format!("Origin: http://{}\r\n", "x".repeat(20_000));
    let answer = ask(addr, "POST", "/hub/negotiate", &long).await;
    assert_eq!(answer.status, 403);
    assert!(answer.body.len() < 400, "{}", answer.body.len());
}

#[tokio::test]
async fn listed_origins_are_compared_by_scheme_host_and_port() {
    let hub = listing(&[
        "https://app.example",
        "HTTP://Shop.Example:80/",
        "http://localhost:3000",
        "https://*.wild.example",
        "http://*.wild.example:8080",
        "capacitor://localhost",
        "http://[::1]:3000",
    ]);
    let addr = serve(&hub).await;
    for (origin, is_listed) in [
        ("https://app.example", true),
        ("https://app.example:443", true),
        ("HTTPS://APP.example", true),
        ("http://shop.example", true),
        ("http://shop.example:80", true),
        ("http://localhost:3000", true),
        ("https://a.wild.example", true),
        ("https://A.b.WILD.example", true),
        ("http://a.wild.example:8080", true),
        ("capacitor://localhost", true),
        ("http://[::1]:3000", true),
        ("http://app.example", false),
        ("https://app.example:8443", false),
        ("https://www.app.example", false),
        ("https://app.example.evil.test", false),
        ("https://evilapp.example", false),
        ("https://shop.example", false),
        ("http://localhost", false),
        ("https://localhost:3000", false),
        ("http://localhost:3001", false),
        ("https://wild.example", false),
        ("https://.wild.example", false),
        ("https://evilwild.example", false),
        ("https://a.wild.example:8080", false),
        ("http://a.wild.example", false),
        ("https://a.wild.example.evil.test", false),
        ("ionic://localhost", false),
        ("capacitor://localhost:1", false),
    ] {
        let headers = format!("Origin: {origin}\r\n");
        let answer = ask(addr, "POST", "/hub/negotiate", &headers).await;
        assert_eq!(answer.status == 200, is_listed, "{origin}: {answer:?}");
        if is_listed {
            expect_shared(&answer, origin);
        }
        let (_, answer) = Wire::upgrade(addr, "/hub", &headers).await;
        assert_eq!(answer.status == 101, is_listed, "{origin}: {answer:?}");
    }
}

#[tokio::test]
async fn a_list_without_origins_is_the_default() {
    let none: [&str; 0] = [];
    let hub = builder().allow_any_origin().allow_origins(none).build();
    let addr = serve(&hub.expect("valid")).await;
    let answer = ask(addr, "POST", "/hub/negotiate", EVIL).await;
    answer.expect_text(403, &refusal("http://evil.example"));
    let answer = ask(addr, "POST", "/hub/negotiate", "Origin: http://test\r\n").await;
    assert_eq!((answer.status, answer.header("vary")), (200, None));
}

#[tokio::test]
async fn each_hub_of_a_server_has_its_own_list() {
    let server = Server::new()
        .mount(listing(&["https://app.example"]).at("/a"))
        .mount(listing(&["https://*.other.example"]).at("/b"));
    let addr = start(server).await;
    for (path, status) in [("/a/negotiate", 200), ("/b/negotiate", 403)] {
        assert_eq!(ask(addr, "POST", path, APP).await.status, status, "{path}");
    }
}

#[tokio::test]
async fn the_authority_of_http_2_is_a_host_and_its_scheme_is_known() {
    for (uri, origin, status) in [
        ("https://a.test/negotiate", "https://a.test", 200),
        ("https://a.test:443/negotiate", "https://a.test", 200),
        ("http://a.test/negotiate", "http://a.test", 200),
        // TLS may end in front of us.
        ("http://a.test/negotiate", "https://a.test", 200),
        ("https://a.test/negotiate", "http://a.test", 403),
        ("https://a.test:8443/negotiate", "https://a.test", 403),
        ("https://b.test/negotiate", "https://a.test", 403),
    ] {
        let request = Request::post(uri).version(http::Version::HTTP_2);
        // It does not count beside an authority.
        let request = request.header("host", "a.test").header("origin", origin);
        let mut hub = HubServer::new(Quiet);
        let response = hub.call(request.body(Empty::<&[u8]>::new()).expect("a request"));
        let response = response.await.expect("infallible");
        assert_eq!(response.status(), status, "{origin} at {uri}");
    }
}

#[tokio::test]
async fn lists_with_mistakes_are_refused_by_name() {
    for text in [
        "",
        "*",
        "app.example",
        "app.example:443",
        "https://",
        "https://*",
        "https://*.",
        "https://*example",
        "https://app.*.example",
        "https://*.*.example",
        "https://app.example/path",
        "https://app.example//",
        "https://app.example:port",
        "https://user@app.example",
        "https://bücher.example",
    ] {
        let error = builder().allow_origins(["https://a.test", text]).build();
        let error = error.expect_err(text);
        assert!(error.is_invalid_option());
        let expected = format!(
            "option `allow_origins` must name origins such as `https://app.example`, `http://localhost:3000` \
             or `https://*.example`, but names `{text}`"
        );
        assert_eq!(error.to_string(), expected);
    }
    let error = builder().allow_origins(["null"]).build().expect_err("null");
    assert_eq!(
        error.to_string(),
        "option `allow_origins` must not name `null`, which any page can take on: `allow_any_origin` says that"
    );
}
