//! Which transports there are, and what a hub sees of them.

use serde_json::{Value, json};
use signalr::{HttpTransportType, HubServer, Server};

use crate::support::{
    Peer, Room,
    posts::{Client, ask},
    web::{UPGRADE, Wire, negotiate, serve, start},
};

const EVENTS: &str = "Accept: text/event-stream\r\n";

fn offering(offered: &[HttpTransportType]) -> HubServer<Room> {
    let hub = HubServer::builder(Room::default()).transports(offered.iter().copied());
    hub.build().expect("valid")
}

#[tokio::test]
async fn only_what_is_offered_is_listed_and_in_the_order_of_the_reference() {
    use HttpTransportType::{LongPolling, ServerSentEvents, WebSockets};
    let listed = |name| match name {
        "ServerSentEvents" => json!({"transport": name, "transferFormats": ["Text"]}),
        _ => json!({"transport": name, "transferFormats": ["Text", "Binary"]}),
    };
    for (offered, names) in [
        (&[WebSockets][..], &["WebSockets"][..]),
        (&[LongPolling, WebSockets], &["WebSockets", "LongPolling"]),
        (&[ServerSentEvents, ServerSentEvents], &["ServerSentEvents"]),
        (
            &[LongPolling, ServerSentEvents, WebSockets],
            &["WebSockets", "ServerSentEvents", "LongPolling"],
        ),
    ] {
        let hub = offering(offered);
        let answer = ask(&hub, "POST", "/negotiate", &[], String::new()).await;
        let answer: Value = serde_json::from_str(&answer.body).expect("JSON");
        let names: Vec<_> = names.iter().copied().map(listed).collect();
        assert_eq!(answer["availableTransports"], Value::Array(names));
    }
}

#[tokio::test]
async fn no_transport_at_all_is_no_server() {
    let built = HubServer::builder(Room::default()).transports([]).build();
    let error = built.expect_err("nothing to offer");
    assert_eq!(
        error.to_string(),
        "option `transports` must name at least one"
    );
}

#[tokio::test]
async fn what_is_not_offered_is_refused_by_name_behind_the_lookup() {
    for refused in HttpTransportType::ALL {
        let others: Vec<_> = HttpTransportType::ALL
            .iter()
            .copied()
            .filter(|other| other != refused)
            .collect();
        let hub = offering(&others);
        let addr = serve(&hub).await;
        let (_, token) = negotiate(addr).await;
        let headers = match refused {
            HttpTransportType::WebSockets => UPGRADE,
            HttpTransportType::ServerSentEvents => EVENTS,
            _ => "",
        };
        let mut wire = Wire::open(addr).await;
        let text = format!("{refused} transport not supported by this end point type");
        let answer = wire.ask("GET", &format!("/hub?id={token}"), headers).await;
        answer.expect_text(404, &text);
        let answer = wire.ask("GET", "/hub?id=x", headers).await;
        answer.expect_text(404, "No Connection with that ID");
        // Without an id only a WebSocket may be opened; it is refused before it makes a connection.
        let answer = wire.ask("GET", "/hub", headers).await;
        if *refused == HttpTransportType::WebSockets {
            answer.expect_text(404, &text);
        } else {
            answer.expect_text(400, "Connection ID required");
        }
        assert_eq!((hub.negotiation_count(), hub.connection_count()), (1, 0));
    }
}

#[tokio::test]
async fn a_connection_keeps_its_first_transport() {
    let text = "Cannot change transports mid-connection";
    let hub = HubServer::new(Room::default());
    let addr = serve(&hub).await;
    for first in HttpTransportType::ALL {
        let (_, token) = negotiate(addr).await;
        let target = format!("/hub?id={token}");
        let mut kept = Wire::open(addr).await;
        let (headers, status) = match first {
            HttpTransportType::WebSockets => (UPGRADE, 101),
            HttpTransportType::ServerSentEvents => (EVENTS, 200),
            _ => ("", 200),
        };
        assert_eq!(kept.ask("GET", &target, headers).await.status, status);
        let mut other = Wire::open(addr).await;
        for (second, headers) in [
            (HttpTransportType::WebSockets, UPGRADE),
            (HttpTransportType::ServerSentEvents, EVENTS),
            (HttpTransportType::LongPolling, ""),
        ] {
            if second != *first {
                other
                    .ask("GET", &target, headers)
                    .await
                    .expect_text(400, text);
            }
        }
        assert_eq!(hub.connection_count(), 1);
        match first {
            HttpTransportType::LongPolling => {
                other.ask("DELETE", &target, "").await.expect_text(202, "");
            }
            _ => drop(kept),
        }
        hub.closed().await;
    }
}

#[tokio::test]
async fn who_has_posted_cannot_have_a_websocket_any_more() {
    let hub = HubServer::new(Room::default());
    let addr = serve(&hub).await;
    let (_, token) = negotiate(addr).await;
    let target = format!("/hub?id={token}");
    let mut wire = Wire::open(addr).await;
    wire.post(&target, b"{}").await.expect_text(200, "");
    let answer = wire.ask("GET", &target, UPGRADE).await;
    answer.expect_text(400, "Cannot change transports mid-connection");
    assert_eq!(wire.ask("GET", &target, "").await.status, 200);
    // An empty POST has said nothing.
    let (_, token) = negotiate(addr).await;
    let target = format!("/hub?id={token}");
    wire.post(&target, b"").await.expect_text(200, "");
    Wire::connect(addr, &target).await;
}

#[tokio::test]
async fn a_token_of_one_hub_takes_no_post_poll_or_delete_at_another() {
    let (a, b) = (Room::default(), Room::default());
    let (a, b) = (HubServer::new(a), HubServer::new(b));
    let client = Client::polling(&a).await.client;
    for method in ["GET", "POST", "DELETE"] {
        let answer = ask(&b, method, &client.target(), &[], String::new()).await;
        answer.expect_text(404, "No Connection with that ID");
    }
    // The public id is no token.
    let target = format!("/?id={}", client.id);
    for method in ["GET", "POST", "DELETE"] {
        let answer = ask(&a, method, &target, &[], String::new()).await;
        answer.expect_text(404, "No Connection with that ID");
    }
    assert_eq!(a.connection_count(), 1);
}

#[tokio::test]
async fn the_hub_sees_its_request_on_every_transport() {
    let hub = HubServer::new(Room::default());
    let addr = start(Server::new().mount(hub.at("/hub"))).await;
    let seen = "Cookie: a=1; b=2\r\nX-Test: 7\r\n";
    let expected = |transport: &str, peer: String| {
        json!({
            "transport": transport, "version": "HTTP/1.1", "method": "GET", "header": "7",
            "query": "x y", "cookie": "2", "peer": peer, "local": addr.to_string(),
        })
    };

    let (mut wire, answer) = Wire::upgrade(addr, "/hub?tenant=x%20y", seen).await;
    assert_eq!(answer.status, 101);
    wire.frame(0x81, crate::support::web::HANDSHAKE).await;
    wire.next().await;
    let request = wire.invoke("request", json!([])).await;
    assert_eq!(
        request,
        expected("WebSockets", wire.local_addr().to_string())
    );

    for (name, accept) in [("ServerSentEvents", EVENTS), ("LongPolling", "")] {
        let (_, token) = negotiate(addr).await;
        let target = format!("/hub?id={token}");
        let mut get = Wire::open(addr).await;
        let first = format!("{target}&Tenant=x+y");
        let answer = get.ask("GET", &first, &format!("{seen}{accept}")).await;
        assert_eq!(answer.status, 200);
        let mut post = Wire::open(addr).await;
        let call = r#"{"type":1,"invocationId":"1","target":"request","arguments":[]}"#;
        let body = format!("{{\"protocol\":\"json\",\"version\":1}}\x1e{call}\x1e");
        post.post(&target, body.as_bytes())
            .await
            .expect_text(200, "");
        let mut text = String::new();
        while !text.contains("\"result\":") {
            text += &if accept.is_empty() {
                get.ask("GET", &target, "").await.body
            } else {
                get.chunk().await.expect("open")
            };
        }
        let result = text.split("\"result\":").nth(1).expect("a result");
        let result = result.split('\x1e').next().expect("whole");
        let result: Value = serde_json::from_str(&result[..result.len() - 1]).expect(result);
        assert_eq!(result, expected(name, get.local_addr().to_string()));
    }
}

#[tokio::test(start_paused = true)]
async fn a_bare_stream_has_no_transport_and_an_empty_request() {
    let hub = HubServer::new(Room::default());
    let mut peer = Peer::connect(&hub).await;
    assert_eq!(
        peer.invoke("request", json!([])).await,
        json!({
            "transport": null, "version": "HTTP/1.1", "method": "GET", "header": null,
            "query": null, "cookie": null, "peer": null, "local": null,
        })
    );
}
