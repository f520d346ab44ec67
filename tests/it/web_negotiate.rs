//! Negotiation and the answers to plain HTTP requests (transports reference, sections 2 to 4 and 9).

use std::collections::HashSet;

use http::{Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value;
use signalr::{Connecting, HttpTransportType, HubError, HubServer, hub};
use tower_service::Service;

use crate::support::{
    Log, wait,
    web::{UPGRADE, Wire, ask, negotiate, serve, until},
};

#[derive(Clone, Default)]
struct Door {
    log: Log,
}

#[hub]
impl Door {
    async fn on_connected(&self, _: &Connecting<Self>) -> Result<(), HubError> {
        self.log.note("connected");
        Ok(())
    }
}

const NO_ID: &str = "No Connection with that ID";
const TRANSPORTS: &str = r#""availableTransports":[{"transport":"WebSockets","transferFormats":["Text","Binary"]},{"transport":"ServerSentEvents","transferFormats":["Text"]},{"transport":"LongPolling","transferFormats":["Text","Binary"]}]}"#;

/// A server that offers WebSockets alone.
fn sockets_only() -> HubServer<Door> {
    let hub = HubServer::builder(Door::default()).transports([HttpTransportType::WebSockets]);
    hub.build().expect("valid")
}

fn is_id(text: &str) -> bool {
    let safe = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    text.len() == 22 && text.bytes().all(safe)
}

#[tokio::test]
async fn version_one_has_id_and_token_in_the_order_of_the_reference() {
    let addr = serve(&HubServer::new(Door::default())).await;
    for query in [
        "?negotiateVersion=1",
        "?negotiateVersion=2",
        "?negotiateVersion=123",
        "?tenant=7&NEGOTIATEversion=1",
        "?negotiateVersion=1&useStatefulReconnect=true",
    ] {
        let target = format!("/hub/negotiate{query}");
        let answer = ask(addr, "POST", &target, "").await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("content-type"), Some("application/json"));
        let length = answer.body.len().to_string();
        assert_eq!(answer.header("content-length"), Some(&*length));
        let json = answer.json();
        let [id, token] = ["connectionId", "connectionToken"].map(|name| json[name].as_str());
        let (id, token) = (id.expect("an id"), token.expect("a token"));
        assert!(is_id(id) && is_id(token) && id != token, "{answer:?}");
        let expected = format!(
            r#"{{"negotiateVersion":1,"connectionId":"{id}","connectionToken":"{token}",{TRANSPORTS}"#
        );
        assert_eq!(answer.body, expected);
    }
}

#[tokio::test]
async fn version_zero_has_no_token_and_its_id_opens_the_connection() {
    let addr = serve(&HubServer::new(Door::default())).await;
    for query in ["", "?negotiateVersion=0", "?tenant=1"] {
        let answer = ask(addr, "POST", &format!("/hub/negotiate{query}"), "").await;
        let json = answer.json();
        let id = json["connectionId"].as_str().expect("an id");
        assert!(is_id(id));
        let expected = format!(r#"{{"negotiateVersion":0,"connectionId":"{id}",{TRANSPORTS}"#);
        assert_eq!((answer.status, answer.body), (200, expected));
        Wire::connect(addr, &format!("/hub?id={id}")).await;
    }
}

#[tokio::test]
async fn versions_that_do_not_exist_are_refused_with_status_200_and_make_no_connection() {
    let hub = HubServer::new(Door::default());
    let addr = serve(&hub).await;
    let integer = r#"{"error":"The client requested a non-integer protocol version."}"#;
    let negative = r#"{"error":"The client requested version '-1', but the server does not support this version."}"#;
    for (version, expected) in [
        ("a", integer),
        ("", integer),
        ("1.0", integer),
        ("-1", negative),
    ] {
        let target = format!("/hub/negotiate?negotiateVersion={version}");
        let answer = ask(addr, "POST", &target, "").await;
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!((answer.status, &*answer.body), (200, expected));
    }
    assert_eq!(hub.negotiation_count(), 0);
}

#[tokio::test]
async fn versions_below_the_minimum_are_refused_with_status_200_and_their_text() {
    let hub = HubServer::builder(Door::default()).min_negotiate_version(1);
    let hub = hub.build().expect("valid");
    let addr = serve(&hub).await;
    let refused = r#"{"error":"The client requested version '0', but the server does not support this version."}"#;
    for query in ["", "?negotiateVersion=0", "?tenant=1"] {
        let answer = ask(addr, "POST", &format!("/hub/negotiate{query}"), "").await;
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!((answer.status, &*answer.body), (200, refused), "{query}");
    }
    assert_eq!(hub.negotiation_count(), 0);
    let (_, token) = negotiate(addr).await;
    Wire::connect(addr, &format!("/hub?id={token}")).await;
    // Without negotiation there is no version to refuse.
    Wire::connect(addr, "/hub").await;
}

#[tokio::test]
async fn negotiate_by_any_other_method_is_an_empty_405() {
    let addr = serve(&HubServer::new(Door::default())).await;
    for method in ["GET", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"] {
        let answer = ask(addr, method, "/hub/negotiate?negotiateVersion=1", "").await;
        answer.expect_text(405, "");
    }
}

#[tokio::test]
async fn methods_that_no_transport_uses_are_an_empty_405() {
    let addr = serve(&HubServer::new(Door::default())).await;
    for method in ["HEAD", "PUT", "PATCH", "OPTIONS"] {
        let answer = ask(addr, method, "/hub", "").await;
        answer.expect_text(405, "");
    }
}

#[tokio::test]
async fn the_id_of_version_one_opens_nothing_but_the_token_does() {
    let addr = serve(&HubServer::new(Door::default())).await;
    let (id, token) = negotiate(addr).await;
    let (_, refused) = Wire::upgrade(addr, &format!("/hub?id={id}"), "").await;
    refused.expect_text(404, NO_ID);
    // The name of the parameter is found in any letter case.
    Wire::connect(addr, &format!("/hub?a=b&ID={token}")).await;
}

#[tokio::test]
async fn requests_without_an_id_are_refused_with_the_text_of_the_reference() {
    let addr = serve(&HubServer::new(Door::default())).await;
    for target in ["/hub", "/hub?id=", "/hub?id", "/hub?other=1"] {
        for (method, headers) in [
            ("GET", ""),
            ("GET", "Accept: text/event-stream\r\n"),
            ("POST", ""),
            ("DELETE", ""),
        ] {
            let answer = ask(addr, method, target, headers).await;
            answer.expect_text(400, "Connection ID required");
        }
    }
}

#[tokio::test]
async fn requests_with_an_unknown_id_are_not_found() {
    let addr = serve(&HubServer::new(Door::default())).await;
    let events = "Accept: text/event-stream\r\n";
    for (method, headers) in [
        ("GET", ""),
        ("GET", events),
        ("GET", UPGRADE),
        ("POST", ""),
        ("DELETE", ""),
    ] {
        let answer = ask(addr, method, "/hub?id=unknown", headers).await;
        answer.expect_text(404, NO_ID);
    }
}

#[tokio::test]
async fn transports_that_are_not_offered_are_named_in_a_404() {
    let addr = serve(&sockets_only()).await;
    let (_, token) = negotiate(addr).await;
    let target = format!("/hub?id={token}");
    for (accept, name) in [
        ("text/event-stream", "ServerSentEvents"),
        ("text/html, Text/Event-Stream", "ServerSentEvents"),
        ("text/event-stream;q=0.9", "LongPolling"),
        ("*/*", "LongPolling"),
    ] {
        let answer = ask(addr, "GET", &target, &format!("Accept: {accept}\r\n")).await;
        let text = format!("{name} transport not supported by this end point type");
        answer.expect_text(404, &text);
    }
    // The test for events comes before the one for WebSockets.
    let events = format!("{UPGRADE}Accept: text/event-stream\r\n");
    let answer = ask(addr, "GET", &target, &events).await;
    answer.expect_text(
        404,
        "ServerSentEvents transport not supported by this end point type",
    );
    Wire::connect(addr, &target).await;
}

#[tokio::test]
async fn post_and_delete_on_a_connection_are_refused_at_once_and_do_it_no_harm() {
    let hub = sockets_only();
    let addr = serve(&hub).await;
    let (_, token) = negotiate(addr).await;
    let target = format!("/hub?id={token}");
    let refused = async || {
        let answer = ask(addr, "POST", &target, "").await;
        answer.expect_text(
            405,
            "POST requests are not allowed for WebSocket connections.",
        );
        let answer = ask(addr, "DELETE", &target, "").await;
        answer.expect_text(
            400,
            "Cannot terminate this connection using the DELETE endpoint.",
        );
    };
    refused().await;
    let mut wire = Wire::connect(addr, &target).await;
    refused().await;
    assert_eq!(
        wire.invoke("missing", Value::Array(Vec::new())).await,
        Value::Null
    );
    assert_eq!(hub.connection_count(), 1);
}

#[tokio::test]
async fn negotiation_does_not_start_the_hub() {
    let door = Door::default();
    let hub = HubServer::new(door.clone());
    let addr = serve(&hub).await;
    let (_, token) = negotiate(addr).await;
    assert_eq!((hub.negotiation_count(), hub.connection_count()), (1, 0));
    assert_eq!(door.log.all(), [""; 0]);
    let _wire = Wire::connect(addr, &format!("/hub?id={token}")).await;
    until(|| door.log.count("connected") == 1).await;
    assert_eq!((hub.negotiation_count(), hub.connection_count()), (0, 1));
}

#[tokio::test]
async fn negotiations_beyond_the_limit_get_429_until_one_is_opened() {
    let hub = HubServer::builder(Door::default()).max_negotiations(5);
    let hub = hub.build().expect("valid");
    let addr = serve(&hub).await;
    let mut tokens = Vec::new();
    for _ in 0..5 {
        tokens.push(negotiate(addr).await.1);
    }
    for _ in 0..20 {
        let answer = ask(addr, "POST", "/hub/negotiate?negotiateVersion=1", "").await;
        assert_eq!(answer.status, 429);
        assert!(answer.body.contains("max_negotiations"), "{answer:?}");
    }
    assert_eq!(hub.negotiation_count(), 5);
    let _wire = Wire::connect(addr, &format!("/hub?id={}", tokens[0])).await;
    negotiate(addr).await;
    let answer = ask(addr, "POST", "/hub/negotiate", "").await;
    assert_eq!(answer.status, 429);
}

#[tokio::test]
async fn three_hundred_clients_connect_through_five_places() {
    let hub = HubServer::builder(Door::default()).max_negotiations(5);
    let hub = hub.build().expect("valid");
    let addr = serve(&hub).await;
    let mut clients = Vec::new();
    for _ in 0..5 {
        clients.push(tokio::spawn(async move {
            let mut wires = Vec::new();
            for _ in 0..60 {
                let (_, token) = negotiate(addr).await;
                wires.push(Wire::connect(addr, &format!("/hub?id={token}")).await);
            }
            wires
        }));
    }
    let mut wires = Vec::new();
    for client in clients {
        wires.extend(client.await.expect("no panic"));
    }
    assert_eq!((hub.negotiation_count(), hub.connection_count()), (0, 300));
    drop(wires);
    until(|| hub.connection_count() == 0).await;
}

#[tokio::test]
async fn ids_and_tokens_never_repeat() {
    let addr = serve(&HubServer::new(Door::default())).await;
    let mut wire = Wire::open(addr).await;
    let mut seen = HashSet::new();
    for _ in 0..500 {
        let answer = wire
            .ask("POST", "/hub/negotiate?negotiateVersion=1", "")
            .await;
        let json = answer.json();
        for name in ["connectionId", "connectionToken"] {
            assert!(seen.insert(json[name].as_str().expect("a text").to_owned()));
        }
    }
}

/// Asks the service itself, without a socket, so that time can be paused.
async fn call(hub: &mut HubServer<Door>, method: &str, target: &str) -> (StatusCode, String) {
    let request = Request::builder().method(method).uri(target);
    let request = request.body(String::new()).expect("a request");
    let response = hub.call(request).await.expect("never fails");
    let status = response.status();
    let body = response.into_body().collect().await.expect("never fails");
    let body = String::from_utf8(body.to_bytes().to_vec()).expect("a text");
    (status, body)
}

#[tokio::test(start_paused = true)]
async fn a_negotiation_that_nobody_opens_is_forgotten_after_15_to_16_seconds() {
    let mut hub = HubServer::new(Door::default());
    // Also later, after the heartbeat has come to rest.
    for _ in 0..3 {
        let (_, body) = call(&mut hub, "POST", "/negotiate?negotiateVersion=1").await;
        let json: Value = serde_json::from_str(&body).expect("JSON");
        let target = format!("/?id={}", json["connectionToken"].as_str().expect("text"));
        wait(14_950).await;
        assert_eq!(call(&mut hub, "POST", &target).await.0, 200);
        assert_eq!(hub.negotiation_count(), 1);
        wait(1_100).await;
        let (status, body) = call(&mut hub, "POST", &target).await;
        assert_eq!((status.as_u16(), &*body), (404, NO_ID));
        assert_eq!(hub.negotiation_count(), 0);
        wait(60_000).await;
    }
}
