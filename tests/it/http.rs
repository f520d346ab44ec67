//! The HTTP endpoints of a hub: negotiation, and who may open what.

use std::{convert::Infallible, net::SocketAddr, time::Duration};

use http_body_util::Empty;
use serde_json::Value;
use signalr::{Context, HttpTransportType, HubServer, Server, hub};
use tower_service::Service;

use crate::support::{
    http::{Http, UPGRADE},
    web,
};

struct Plain;

#[hub]
impl Plain {
    /// Query, a header, and whether the peer is known.
    pub fn request(&self, cx: &Context<Self>) -> (Option<String>, bool, bool) {
        let parts = cx.request();
        let query = parts.uri.query().map(str::to_owned);
        let known = cx.peer_addr().is_some_and(|peer| peer.ip().is_loopback());
        (query, parts.headers.contains_key("x-test"), known)
    }
}

pub async fn serve(server: Server) -> SocketAddr {
    let bound = server.bind("127.0.0.1:0").await.expect("a free port");
    let addr = bound.local_addr().expect("an address");
    tokio::spawn(bound.run());
    addr
}

async fn plain() -> (HubServer<Plain>, SocketAddr) {
    let hub = HubServer::builder(Plain)
        .max_negotiations(5)
        .transports([HttpTransportType::WebSockets])
        .build()
        .expect("valid");
    let addr = serve(Server::new().mount(hub.at("/hub"))).await;
    (hub, addr)
}

async fn token(http: &mut Http) -> (String, String) {
    let answer = http
        .request("POST /hub/negotiate?negotiateVersion=1", "", b"")
        .await;
    let answer: Value = serde_json::from_str(&answer.body).expect("JSON");
    let text = |name: &str| answer[name].as_str().expect("text").to_owned();
    (text("connectionId"), text("connectionToken"))
}

#[tokio::test]
async fn negotiation_answers_with_ids_and_transports() {
    let (hub, addr) = plain().await;
    let mut http = Http::connect(addr).await;
    for (query, version) in [
        ("", 0),
        ("?negotiateVersion=0", 0),
        ("?NEGOTIATEVERSION=1", 1),
        ("?negotiateVersion=123", 1),
    ] {
        let answer = http
            .request(&format!("POST /hub/negotiate{query}"), "", b"")
            .await;
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (200, "application/json")
        );
        assert_eq!(
            answer.header("content-length"),
            answer.body.len().to_string()
        );
        let json: Value = serde_json::from_str(&answer.body).expect("JSON");
        let token = json["connectionToken"]
            .as_str()
            .map(|token| format!(r#""connectionToken":"{token}","#));
        assert_eq!(token.is_some(), version == 1);
        let expected = format!(
            r#"{{"negotiateVersion":{version},"connectionId":{},{}"availableTransports":[{{"transport":"WebSockets","transferFormats":["Text","Binary"]}}]}}"#,
            json["connectionId"],
            token.unwrap_or_default()
        );
        assert_eq!(answer.body, expected);
    }
    assert_eq!(
        (hub.negotiation_count(), hub.connection_count()),
        (4, 0),
        "no hub was started"
    );
}

#[tokio::test]
async fn versions_that_cannot_be_are_refused_with_status_200() {
    let (hub, addr) = plain().await;
    let mut http = Http::connect(addr).await;
    for (query, error) in [
        ("a", "The client requested a non-integer protocol version."),
        (
            "-1",
            "The client requested version '-1', but the server does not support this version.",
        ),
    ] {
        let answer = http
            .request(
                &format!("POST /hub/negotiate?negotiateVersion={query}"),
                "",
                b"",
            )
            .await;
        assert_eq!(
            (answer.status, answer.body),
            (200, format!(r#"{{"error":"{error}"}}"#))
        );
    }
    assert_eq!(hub.negotiation_count(), 0);
}

#[tokio::test]
async fn other_methods_and_missing_ids_are_refused() {
    let (_, addr) = plain().await;
    let mut http = Http::connect(addr).await;
    let sse = "Accept: text/event-stream\r\n";
    for (line, headers, status, body) in [
        ("GET /hub/negotiate", "", 405, ""),
        ("PUT /hub", "", 405, ""),
        ("PATCH /hub", "", 405, ""),
        ("OPTIONS /hub", "", 405, ""),
        ("HEAD /hub", "", 405, ""),
        ("GET /hub", "", 400, "Connection ID required"),
        ("GET /hub?id=", sse, 400, "Connection ID required"),
        ("POST /hub", "", 400, "Connection ID required"),
        ("DELETE /hub", "", 400, "Connection ID required"),
        ("GET /hub?id=x", "", 404, "No Connection with that ID"),
        ("GET /hub?id=x", UPGRADE, 404, "No Connection with that ID"),
        ("POST /hub?id=x", "", 404, "No Connection with that ID"),
        ("DELETE /hub?id=x", "", 404, "No Connection with that ID"),
        ("GET /nowhere", "", 404, "Nothing is here."),
    ] {
        let answer = http.request(line, headers, b"").await;
        assert_eq!((answer.status, &*answer.body), (status, body), "{line}");
        assert_eq!(answer.header("content-type"), "text/plain", "{line}");
    }
}

#[tokio::test]
async fn transports_that_are_not_offered_are_refused_by_name() {
    let (_, addr) = plain().await;
    let mut http = Http::connect(addr).await;
    let (id, token) = token(&mut http).await;
    for (line, headers, status, body) in [
        (
            format!("GET /hub?id={id}"),
            "",
            404,
            "No Connection with that ID",
        ),
        (
            format!("GET /hub?id={token}"),
            "",
            404,
            "LongPolling transport not supported by this end point type",
        ),
        (
            format!("GET /hub?id={token}"),
            "Accept: text/event-stream\r\n",
            404,
            "ServerSentEvents transport not supported by this end point type",
        ),
        (
            format!("POST /hub?ID={token}"),
            "",
            405,
            "POST requests are not allowed for WebSocket connections.",
        ),
        (
            format!("DELETE /hub?id={token}"),
            "",
            400,
            "Cannot terminate this connection using the DELETE endpoint.",
        ),
    ] {
        let answer = http.request(&line, headers, b"").await;
        assert_eq!((answer.status, &*answer.body), (status, body), "{line}");
    }
}

#[tokio::test]
async fn negotiations_are_capped_and_opening_one_makes_room() {
    let (hub, addr) = plain().await;
    let mut http = Http::connect(addr).await;
    let (_, first) = token(&mut http).await;
    for _ in 1..5 {
        token(&mut http).await;
    }
    let full = http.request("POST /hub/negotiate", "", b"").await;
    assert_eq!(full.status, 429);
    assert!(
        full.body.contains("`max_negotiations` (5)"),
        "{}",
        full.body
    );
    let opened = http
        .request(&format!("GET /hub?id={first}"), UPGRADE, b"")
        .await;
    assert_eq!(opened.status, 101);
    let mut again = Http::connect(addr).await;
    assert_eq!(
        again.request("POST /hub/negotiate", "", b"").await.status,
        200
    );
    assert_eq!(hub.negotiation_count(), 5);
}

#[tokio::test]
async fn five_hundred_negotiated_connections_never_meet_the_cap_of_five() {
    let (hub, addr) = plain().await;
    for _ in 0..500 {
        let mut http = Http::connect(addr).await;
        let (_, token) = token(&mut http).await;
        let opened = http
            .request(&format!("GET /hub?id={token}"), UPGRADE, b"")
            .await;
        assert_eq!(opened.status, 101);
    }
    assert_eq!(hub.negotiation_count(), 0);
    hub.closed().await;
}

#[tokio::test]
async fn a_websocket_without_negotiation_is_let_in_while_the_cap_is_full() {
    let hub = HubServer::builder(Plain).max_negotiations(1);
    let hub = hub.build().expect("valid");
    let addr = web::serve(&hub).await;
    web::negotiate(addr).await;
    let refused = web::ask(addr, "POST", "/hub/negotiate", "").await;
    assert_eq!(refused.status, 429);
    let mut open = Vec::new();
    for _ in 0..5 {
        open.push(web::Wire::connect(addr, "/hub").await);
    }
    assert_eq!((hub.negotiation_count(), hub.connection_count()), (1, 5));
}

#[tokio::test(start_paused = true)]
async fn negotiations_that_nobody_opens_are_forgotten() {
    let hub = HubServer::new(Plain);
    let negotiate = http::Request::post("/negotiate")
        .body(Empty::<bytes::Bytes>::new())
        .expect("a request");
    let answered: Result<_, Infallible> = hub.clone().call(negotiate).await;
    assert_eq!(answered.expect("an answer").status(), 200);
    tokio::time::sleep(Duration::from_millis(14_900)).await;
    assert_eq!(hub.negotiation_count(), 1);
    tokio::time::sleep(Duration::from_millis(1_600)).await;
    assert_eq!(hub.negotiation_count(), 0);
}

#[tokio::test]
async fn bad_upgrades_are_refused() {
    let (_, addr) = plain().await;
    let mut http = Http::connect(addr).await;
    let old = UPGRADE.replace("13", "8");
    let answer = http.request("GET /hub", &old, b"").await;
    assert_eq!(
        (answer.status, answer.header("sec-websocket-version")),
        (426, "13")
    );
    let keyless = UPGRADE.replace("Sec-WebSocket-Key", "X-Key");
    assert_eq!(http.request("GET /hub", &keyless, b"").await.status, 400);
    let mut hub = HubServer::new(Plain);
    let mut request = http::Request::get("/");
    for line in UPGRADE.lines() {
        let (name, value) = line.split_once(": ").expect("a header");
        request = request.header(name, value);
    }
    let answer = hub
        .call(request.body(String::new()).expect("a request"))
        .await;
    assert_eq!(
        answer.expect("an answer").status(),
        500,
        "no upgrade behind this service"
    );
}

#[tokio::test]
async fn the_hub_sees_the_request_that_opened_its_connection() {
    let (_, addr) = plain().await;
    let mut http = Http::connect(addr).await;
    let headers = format!("{UPGRADE}X-Test: 1\r\n");
    let call = r#"{"type":1,"invocationId":"1","target":"request","arguments":[]}"#;
    let sent = format!("{{\"protocol\":\"json\",\"version\":1}}\u{1e}{call}\u{1e}");
    let frame = crate::support::http::frame(0x81, sent.as_bytes());
    // In the same segment as the upgrade: nothing of it is lost.
    let opened = http.request("GET /hub?tenant=7", &headers, &frame).await;
    assert_eq!(opened.status, 101);
    assert_eq!(
        opened.header("sec-websocket-accept"),
        "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    );
    assert_eq!(opened.header("sec-websocket-protocol"), "");
    let mut text = http.text().await;
    if text == "{}\u{1e}" {
        text = http.text().await;
    }
    assert!(
        text.contains(r#""result":["tenant=7",true,true]"#),
        "{text}"
    );
}
