//! What the browsers of foreign pages are told, by a hub alone and beside tower-http's layer.

use http::{HeaderName, HeaderValue, Method, Request, header};
use http_body_util::Empty;
use signalr::HubServer;
use tokio::net::TcpListener;
use tower_http::cors::{AllowHeaders, Cors, CorsLayer};
use tower_service::Service;

use crate::{
    origins::{
        APP, EVIL, PREFLIGHT, Quiet, all, builder, everywhere, expect_shared, expect_unshared,
        listing, refusal,
    },
    support::web::{Wire, ask, negotiate, serve},
};

#[tokio::test]
async fn a_listed_page_is_served_with_credentials_at_every_endpoint() {
    let addr = serve(&listing(&["http://localhost:3000", "https://app.example"])).await;
    for (endpoint, status, answer) in everywhere(addr, APP).await {
        assert_eq!(answer.status, status, "{endpoint}: {answer:?}");
        expect_shared(&answer, "https://app.example");
    }
    for (endpoint, status, answer) in everywhere(addr, "Origin: http://test\r\n").await {
        assert_eq!(answer.status, status, "{endpoint}: {answer:?}");
        expect_unshared(&answer);
        assert_eq!(all(&answer, "vary"), ["Origin"], "{endpoint}: for caches");
    }
}

#[tokio::test]
async fn a_listed_page_may_read_why_it_failed() {
    let addr = serve(&listing(&["https://app.example"])).await;
    for (method, target, status) in [
        ("GET", "/hub/negotiate", 405),
        ("OPTIONS", "/hub", 405),
        ("GET", "/hub", 400),
        ("GET", "/hub?id=x", 404),
        ("POST", "/hub?id=x", 404),
        ("DELETE", "/hub?id=x", 404),
    ] {
        let answer = ask(addr, method, target, APP).await;
        assert_eq!(answer.status, status, "{method} {target}");
        expect_shared(&answer, "https://app.example");
    }
}

#[tokio::test]
async fn a_poll_that_waits_and_a_post_with_a_body_carry_the_headers_too() {
    let addr = serve(&listing(&["https://app.example"])).await;
    let target = format!("/hub?id={}", negotiate(addr).await.1);
    ask(addr, "GET", &target, APP).await;
    let mut poll = Wire::open(addr).await;
    let head = format!("GET {target} HTTP/1.1\r\nHost: test\r\n{APP}\r\n");
    poll.send(head.as_bytes()).await;
    let mut post = Wire::open(addr).await;
    let head = format!("POST {target} HTTP/1.1\r\nHost: test\r\n{APP}Content-Length: 32\r\n\r\n");
    post.send(head.as_bytes()).await;
    post.send(b"{\"protocol\":\"json\",\"version\":1}\x1e")
        .await;
    for (mut wire, method) in [(post, "POST"), (poll, "GET")] {
        let answer = wire.answer(method).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        expect_shared(&answer, "https://app.example");
    }
}

#[tokio::test]
async fn preflight_requests_of_listed_pages_are_answered_at_both_paths() {
    let hub = listing(&["https://app.example"]);
    let addr = serve(&hub).await;
    let token = negotiate(addr).await.1;
    for target in [
        "/hub/negotiate?negotiateVersion=1",
        "/hub",
        &format!("/hub?id={token}"),
    ] {
        let answer = ask(addr, "OPTIONS", target, &format!("{APP}{PREFLIGHT}")).await;
        assert_eq!((answer.status, &*answer.body), (204, ""), "{target}");
        expect_shared(&answer, "https://app.example");
        let wanted = "authorization,content-type,x-requested-with,x-signalr-user-agent";
        for (name, value) in [
            ("access-control-allow-methods", "GET, POST, DELETE"),
            ("access-control-allow-headers", wanted),
            ("access-control-max-age", "7200"),
        ] {
            assert_eq!(all(&answer, name), [value], "{target}: {name}");
        }
        assert_eq!(answer.header("content-type"), None);
    }
    let plain = format!("{APP}Access-Control-Request-Method: DELETE\r\n");
    let answer = ask(addr, "OPTIONS", "/hub", &plain).await;
    assert_eq!(answer.status, 204);
    assert_eq!(answer.header("access-control-allow-headers"), None);
    // Only what a browser asks for another origin is a pre-flight request.
    for headers in [
        PREFLIGHT.to_owned(),
        format!("Origin: http://test\r\n{PREFLIGHT}"),
    ] {
        let answer = ask(addr, "OPTIONS", "/hub", &headers).await;
        answer.expect_text(405, "");
    }
    assert_eq!((hub.negotiation_count(), hub.connection_count()), (1, 0));
}

#[tokio::test]
async fn any_origin_may_be_allowed() {
    let hub = builder().allow_any_origin().build().expect("valid");
    let addr = serve(&hub).await;
    for origin in ["http://evil.example", "null", "file://"] {
        let headers = format!("Origin: {origin}\r\n");
        for (endpoint, status, answer) in everywhere(addr, &headers).await {
            assert_eq!(answer.status, status, "{endpoint} from {origin}");
            expect_shared(&answer, origin);
        }
        let answer = ask(addr, "OPTIONS", "/hub", &format!("{headers}{PREFLIGHT}")).await;
        assert_eq!(answer.status, 204);
        expect_shared(&answer, origin);
    }
}

#[tokio::test]
async fn the_headers_can_be_left_to_the_host_but_not_the_check() {
    let hub = builder()
        .allow_origins(["https://app.example"])
        .cors_headers(false);
    let addr = serve(&hub.build().expect("valid")).await;
    for (endpoint, status, answer) in everywhere(addr, APP).await {
        assert_eq!(answer.status, status, "{endpoint}: {answer:?}");
        expect_unshared(&answer);
        assert_eq!(answer.header("vary"), None, "{endpoint}");
    }
    for (endpoint, _, answer) in everywhere(addr, EVIL).await {
        assert_eq!(answer.status, 403, "{endpoint}: {answer:?}");
    }
    let answer = ask(addr, "OPTIONS", "/hub", &format!("{APP}{PREFLIGHT}")).await;
    answer.expect_text(405, "");
}

#[tokio::test]
async fn beside_the_cors_layer_of_tower_http_no_header_comes_twice() {
    let layer = CorsLayer::new()
        .allow_origin(HeaderValue::from_static("https://app.example"))
        .allow_methods([Method::GET, Method::POST, Method::DELETE])
        .allow_headers([
            HeaderName::from_static("x-requested-with"),
            header::CONTENT_TYPE,
        ])
        .allow_credentials(true);
    let app = axum::Router::new()
        .nest_service("/hub", listing(&["https://app.example"]))
        .nest_service("/closed", HubServer::new(Quiet))
        .layer(layer);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let addr = listener.local_addr().expect("bound");
    tokio::spawn(async move { axum::serve(listener, app).await });
    for (endpoint, status, answer) in everywhere(addr, APP).await {
        assert_eq!(answer.status, status, "{endpoint}: {answer:?}");
        expect_shared(&answer, "https://app.example");
    }
    let answer = ask(addr, "OPTIONS", "/hub", &format!("{APP}{PREFLIGHT}")).await;
    assert_eq!(answer.status, 200, "the layer answers");
    assert_eq!(
        all(&answer, "access-control-allow-origin"),
        ["https://app.example"]
    );
    for (endpoint, _, answer) in everywhere(addr, EVIL).await {
        answer.expect_text(403, &refusal("http://evil.example"));
        assert_ne!(
            answer.header("access-control-allow-origin"),
            Some("http://evil.example"),
            "{endpoint}"
        );
    }
    // Who is listed there only can read what is missing here.
    let answer = ask(addr, "POST", "/closed/negotiate", APP).await;
    answer.expect_text(403, &refusal("https://app.example"));
    assert_eq!(
        all(&answer, "access-control-allow-origin"),
        ["https://app.example"]
    );
}

#[tokio::test]
async fn the_cors_layer_may_wrap_the_hub_itself() {
    let mut hub = Cors::new(listing(&["https://app.example"]))
        .allow_origin(HeaderValue::from_static("https://app.example"))
        .allow_headers(AllowHeaders::mirror_request());
    let request = Request::post("/negotiate").header("host", "test");
    let request = request.header("origin", "https://app.example");
    let response = hub.call(request.body(Empty::<&[u8]>::new()).expect("a request"));
    let response = response.await.expect("infallible");
    assert_eq!(response.status(), 200);
    let allowed = response.headers().get_all("access-control-allow-origin");
    assert!(allowed.iter().eq(["https://app.example"]));
}
