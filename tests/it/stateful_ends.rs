//! Stateful reconnect: who may have it, what ends it, and who is refused.

use serde_json::{Value, json};
use signalr::{Denied, Identity};

use crate::{
    stateful::{builder, server},
    support::{
        Log, PING,
        links::{Links, ack, http, negotiate, sequence},
        settle, wait,
        web::{CLOSE, TEXT},
    },
};

/// The last thing that was noted.
fn last(log: &Log) -> String {
    log.all().pop().expect("something was noted")
}

#[apply(both_encodings)]
async fn a_lost_socket_is_waited_for_and_no_longer_than_15_seconds() {
    let (hub, log) = server();
    let (links, socket) = Links::connect(&hub).await;
    drop(socket);
    wait(14_500).await;
    assert_eq!(log.all(), ["connected"]);
    // Whoever comes in time has the time anew.
    drop(links.renew(1, 1).await);
    wait(14_500).await;
    assert_eq!(log.all(), ["connected"]);
    wait(2_000).await;
    assert_eq!(log.all(), ["connected", "disconnected None"]);
    assert_eq!(links.refused().await, 404);
}

#[apply(both_encodings)]
async fn another_time_can_be_set_for_the_wait() {
    let (builder, log) = builder();
    let builder = builder.disconnect_timeout(std::time::Duration::from_secs(3));
    let (links, socket) = Links::connect(&builder.build().expect("valid")).await;
    drop(socket);
    wait(2_800).await;
    assert_eq!(log.all(), ["connected"]);
    wait(600).await;
    assert_eq!(last(&log), "disconnected None");
    assert_eq!(links.refused().await, 404);
}

#[apply(both_encodings)]
async fn a_second_socket_takes_the_place_of_one_that_still_looks_open() {
    let (hub, log) = server();
    let (links, mut first) = Links::connect(&hub).await;
    first.tell("note", json!(["a"])).await;
    settle().await;
    let mut second = links.renew(1, 2).await;
    assert_eq!(first.bytes().await, None);
    second.tell("note", json!(["b"])).await;
    settle().await;
    let mut third = links.renew(1, 3).await;
    assert_eq!(second.bytes().await, None);
    third.tell("note", json!(["c"])).await;
    settle().await;
    assert_eq!(log.all(), ["connected", "a", "b", "c"]);
}

#[apply(both_encodings)]
async fn a_close_frame_is_the_end() {
    let (hub, log) = server();
    let (links, mut socket) = Links::connect(&hub).await;
    socket.wire.frame(CLOSE, &[0x03, 0xe9]).await;
    assert_eq!(socket.bytes().await, None);
    settle().await;
    assert_eq!(last(&log), "disconnected None");
    assert_eq!(links.refused().await, 404);
}

#[apply(both_encodings)]
async fn a_close_message_of_the_client_is_the_end() {
    let (hub, log) = server();
    let (links, mut socket) = Links::connect(&hub).await;
    socket.say(r#"{"type":7}"#).await;
    drop(socket);
    settle().await;
    assert_eq!(last(&log), "disconnected None");
    assert_eq!(links.refused().await, 404);
}

#[apply(both_encodings)]
async fn the_hubs_close_and_abort_are_the_end() {
    for method in ["go", "leave"] {
        let (hub, log) = server();
        let (links, mut socket) = Links::connect(&hub).await;
        socket.tell(method, json!([])).await;
        let close: Value = serde_json::from_str(&socket.hear().await).expect("a message");
        assert_eq!(close["type"], 7);
        // The server waits for an answer to its close frame, and takes no other socket meanwhile.
        assert_eq!(links.refused().await, 409);
        drop(socket);
        settle().await;
        assert_eq!(last(&log), "disconnected None");
        assert_eq!(links.refused().await, 404);
    }
}

#[apply(both_encodings)]
async fn a_connection_without_a_socket_can_be_closed() {
    let (hub, log) = server();
    let (links, mut socket) = Links::connect(&hub).await;
    socket.tell("goLater", json!([])).await;
    settle().await;
    drop(socket);
    wait(1_500).await;
    assert_eq!(log.all(), ["connected"]);
    wait(1_000).await;
    assert_eq!(last(&log), "disconnected None");
    assert_eq!(links.refused().await, 404);
}

#[apply(both_encodings)]
async fn a_handshake_of_version_1_switches_it_off() {
    let (hub, log) = server();
    let links = Links::negotiate(&hub).await;
    let mut socket = links.socket().await;
    socket.shake_hands(1).await;
    socket.tell("note", json!(["a"])).await;
    socket.say(&ack(1)).await;
    socket.say(&sequence(9)).await;
    wait(3_000).await;
    assert!(socket.hear_all().await.is_empty());
    assert_eq!(links.refused().await, 409);
    drop(socket);
    settle().await;
    assert_eq!(log.all(), ["connected", "a", "disconnected None"]);
    assert_eq!(links.refused().await, 404);
}

#[apply(both_encodings)]
async fn before_the_handshake_there_is_no_second_socket() {
    let (hub, log) = server();
    let links = Links::negotiate(&hub).await;
    let socket = links.socket().await;
    settle().await;
    assert_eq!(links.refused().await, 409);
    drop(socket);
    settle().await;
    assert!(log.all().is_empty());
    assert_eq!(links.refused().await, 404);
}

#[apply(both_encodings)]
async fn pings_go_on_and_a_silent_client_is_missed() {
    let (builder, log) = builder();
    let second = std::time::Duration::from_secs(1);
    let hub = builder.keep_alive(second).client_timeout(3 * second);
    let (links, socket) = Links::connect(&hub.build().expect("valid")).await;
    drop(socket);
    wait(2_000).await;
    // A socket is a sign of life.
    let mut socket = links.renew(1, 1).await;
    wait(2_000).await;
    assert_eq!(log.all(), ["connected"]);
    let (_, ping) = socket.wire.next().await.expect("open");
    assert!([&b"{\"type\":6}\x1e"[..], b"\x02\x91\x06"].contains(&&*ping));
    drop(socket);
    wait(3_500).await;
    assert!(
        last(&log).contains("ClientTimeoutInterval"),
        "{}",
        last(&log)
    );
    assert_eq!(links.refused().await, 404);
}

#[apply(both_encodings)]
async fn every_socket_needs_credentials() {
    let (builder, log) = builder();
    let hub = builder.authorize(|request| match request.headers.get("x-user") {
        Some(user) => Ok(Identity::user(user.to_str().expect("a text"))),
        None => Err(Denied::Unauthorized),
    });
    let hub = hub.build().expect("valid");
    let target = "/negotiate?negotiateVersion=1&useStatefulReconnect=true";
    let answer = http(&hub)
        .ask("POST", target, "X-User: ann\r\n")
        .await
        .json();
    let token = answer["connectionToken"].as_str().expect("a text");
    let mut wire = http(&hub);
    let upgrade = format!("{}X-User: ann\r\n", crate::support::web::UPGRADE);
    let target = format!("/?id={token}");
    assert_eq!(wire.ask("GET", &target, &upgrade).await.status, 101);
    wire.frame(TEXT, b"{\"protocol\":\"json\",\"version\":2}\x1e")
        .await;
    assert!(wire.next().await.is_some());
    drop(wire);
    settle().await;
    let without = crate::support::web::UPGRADE;
    assert_eq!(http(&hub).ask("GET", &target, without).await.status, 401);
    let mut wire = http(&hub);
    assert_eq!(wire.ask("GET", &target, &upgrade).await.status, 101);
    let (_, first) = wire.next().await.expect("open");
    assert_eq!(first, [sequence(1).as_bytes(), b"\x1e"].concat());
    assert_eq!(log.all(), ["connected"]);
}

#[tokio::test(start_paused = true)]
async fn it_is_offered_where_it_is_asked_for_and_allowed() {
    let (hub, _) = server();
    for (query, offered) in [
        ("negotiateVersion=1&useStatefulReconnect=true", true),
        ("negotiateVersion=1&UseStatefulReconnect=TRUE", true),
        ("negotiateVersion=1&useStatefulReconnect=false", false),
        ("negotiateVersion=1&useStatefulReconnect=1", false),
        ("negotiateVersion=1&useStatefulReconnect=", false),
        ("negotiateVersion=1", false),
        // Its token is no secret.
        ("negotiateVersion=0&useStatefulReconnect=true", false),
    ] {
        let answer = negotiate(&hub, query).await;
        assert_eq!(
            answer.get("useStatefulReconnect").is_some(),
            offered,
            "{query}"
        );
    }
    let (builder, _) = builder();
    let off = builder.stateful_reconnect(false).build().expect("valid");
    let answer = negotiate(&off, "negotiateVersion=1&useStatefulReconnect=true").await;
    assert_eq!(answer.get("useStatefulReconnect"), None);
}

#[tokio::test(start_paused = true)]
async fn it_is_said_first_in_the_answer() {
    let (hub, _) = server();
    let target = "/negotiate?negotiateVersion=1&useStatefulReconnect=true";
    let answer = http(&hub).ask("POST", target, "").await;
    let start = r#"{"useStatefulReconnect":true,"negotiateVersion":1,"connectionId":""#;
    assert!(answer.body.starts_with(start), "{}", answer.body);
}

#[tokio::test(start_paused = true)]
async fn other_transports_do_not_have_it() {
    let (hub, log) = server();
    for events in [false, true] {
        let links = Links::negotiate(&hub).await;
        let target = format!("/?id={}", links.token);
        let accept = if events {
            "Accept: text/event-stream\r\n"
        } else {
            ""
        };
        let mut down = http(&hub);
        assert_eq!(down.ask("GET", &target, accept).await.status, 200);
        let mut up = http(&hub);
        let messages = format!(
            "{{\"protocol\":\"json\",\"version\":2}}\u{1e}{PING}\u{1e}{}\u{1e}{}\u{1e}{}\u{1e}",
            r#"{"type":1,"target":"note","arguments":["a"]}"#,
            ack(1),
            sequence(9)
        );
        let answer = up.post(&target, messages.as_bytes()).await;
        assert_eq!(answer.status, 200);
        let first = if events {
            let comment = down.chunk().await.expect("open");
            assert!(comment.starts_with(':'), "{comment}");
            down.chunk().await.expect("open")
        } else {
            down.ask("GET", &target, "").await.body
        };
        assert!(first.contains("{}\u{1e}"), "{first}");
        wait(3_000).await;
        assert_eq!(last(&log), "a");
        // The next that is said is no acknowledgement.
        up.post(
            &target,
            b"{\"type\":1,\"invocationId\":\"1\",\"target\":\"echo\",\"arguments\":[\"b\"]}\x1e",
        )
        .await;
        let next = if events {
            down.chunk().await.expect("open")
        } else {
            down.ask("GET", &target, "").await.body
        };
        assert!(next.contains(r#""result":"b""#), "{next}");
        assert_eq!(links.refused().await, 400);
        let close = b"{\"type\":7}\x1e";
        up.post(&target, close).await;
        settle().await;
    }
}
