//! Server-Sent Events (transports reference, section 6), without a socket.

use std::time::Duration;

use serde_json::json;
use signalr::HubServer;
use tokio::time::Instant;

use crate::support::{
    Room,
    posts::{Client, NO_ID},
    settle, since, wait,
};

const CLOSE: &str =
    r#"{"type":7,"error":"Connection closed with an error.","allowReconnect":true}"#;

#[tokio::test(start_paused = true)]
async fn the_response_begins_at_once_with_a_comment_and_headers_that_keep_it_flowing() {
    let (hub, log) = Room::serve();
    let client = Client::negotiate(&hub).await;
    assert_eq!((hub.negotiation_count(), hub.connection_count()), (1, 0));
    let mut events = client.events().await;
    assert_eq!((hub.negotiation_count(), hub.connection_count()), (0, 1));
    for (name, value) in [
        ("content-type", "text/event-stream"),
        ("cache-control", "no-cache,no-store"),
        ("pragma", "no-cache"),
        ("content-encoding", "identity"),
        ("x-accel-buffering", "no"),
    ] {
        assert_eq!(events.headers[name], value, "{name}");
    }
    assert_eq!(events.headers.get("content-length"), None);
    let first = events.frame().await.expect("a frame").expect("a good one");
    assert_eq!(first, ":\r\n");
    assert_eq!(log.all(), [""; 0], "the hub waits for the handshake");
}

#[tokio::test(start_paused = true)]
async fn messages_come_as_events_byte_for_byte() {
    let (hub, _) = Room::serve();
    let client = Client::negotiate(&hub).await;
    let mut events = client.events().await;
    client.shake_hands().await;
    assert_eq!(
        events.event().await.as_deref(),
        Some("data: {}\x1e\r\n\r\n")
    );
    client.call("1", "echo", json!(["ä\n"])).await;
    let echo = "data: {\"type\":3,\"invocationId\":\"1\",\"result\":\"ä\\n\"}\x1e\r\n\r\n";
    assert_eq!(events.event().await.as_deref(), Some(echo));
    let start = Instant::now();
    let ping = "data: {\"type\":6}\x1e\r\n\r\n";
    assert_eq!(events.event().await.as_deref(), Some(ping));
    assert!((14_000..=16_000).contains(&since(start)));
}

#[tokio::test(start_paused = true)]
async fn line_ends_in_a_message_become_lines_of_data() {
    let (hub, _) = Room::serve();
    let (client, mut events) = Client::listening(&hub).await;
    client.call("1", "lines", json!([])).await;
    let event = "data: {\"type\":3,\"invocationId\":\"1\",\"result\":[1,\r\ndata: 2,\r\ndata: 3,\r\ndata: 4]}\x1e\r\n\r\n";
    assert_eq!(events.event().await.as_deref(), Some(event));
}

#[tokio::test(start_paused = true)]
async fn what_is_ready_together_is_one_event_of_whole_messages() {
    let (hub, _) = Room::serve();
    let (client, mut events) = Client::listening(&hub).await;
    // Fewer bytes than the queue takes: all of them wait while nobody reads.
    client.call("1", "tellAll", json!([10, 500])).await;
    settle().await;
    let mut numbers = Vec::new();
    let mut batches = 0;
    while numbers.len() < 501 {
        let messages = events.messages().await.expect("open");
        batches += 1;
        for message in messages {
            let json: serde_json::Value = serde_json::from_str(&message).expect("whole");
            numbers.push(json["arguments"][0].as_u64().unwrap_or(500));
        }
    }
    assert!(numbers.into_iter().eq(0..501));
    assert!(batches <= 5, "{batches} events");
}

#[tokio::test(start_paused = true)]
async fn a_message_larger_than_any_buffer_is_one_event() {
    let (hub, _) = Room::serve();
    let (client, mut events) = Client::listening(&hub).await;
    client.call("1", "large", json!([1_000_000])).await;
    assert_eq!(events.result().await, "x".repeat(1_000_000));
}

#[tokio::test(start_paused = true)]
async fn calls_streams_uploads_and_client_results_work_over_events_and_posts() {
    let (hub, _) = Room::serve();
    let (client, mut events) = Client::listening(&hub).await;
    client.call("1", "echo", json!(["x"])).await;
    assert_eq!(events.result().await, "x");
    client
        .tell(r#"{"type":4,"invocationId":"2","target":"count","arguments":[3]}"#)
        .await;
    let mut items = Vec::new();
    while items.len() < 4 {
        items.extend(events.messages().await.expect("open"));
    }
    assert_eq!(items[2], r#"{"type":2,"invocationId":"2","item":2}"#);
    assert_eq!(items[3], r#"{"type":3,"invocationId":"2"}"#);
    client
        .tell(r#"{"type":1,"invocationId":"3","target":"sum","arguments":[],"streamIds":["u"]}"#)
        .await;
    for item in 1..=3 {
        let item = json!({"type": 2, "invocationId": "u", "item": item});
        client.tell(&item.to_string()).await;
    }
    client.tell(r#"{"type":3,"invocationId":"u"}"#).await;
    assert_eq!(events.result().await, 6);
    client.call("4", "ask", json!([])).await;
    let call = events.text().await.expect("open");
    let call: serde_json::Value = serde_json::from_str(&call).expect("JSON");
    let answer = json!({"type": 3, "invocationId": call["invocationId"], "result": 7});
    client.tell(&answer.to_string()).await;
    assert_eq!(events.result().await, 7);
}

#[tokio::test(start_paused = true)]
async fn the_stream_ends_behind_the_last_message_of_the_hub() {
    let (hub, log) = Room::serve();
    let (client, mut events) = Client::listening(&hub).await;
    client.call("1", "tellAll", json!([10, 100])).await;
    client.call("2", "closeMe", json!(["bye"])).await;
    let mut messages = Vec::new();
    while let Some(more) = events.messages().await {
        messages.extend(more);
    }
    assert_eq!(
        messages.pop().as_deref(),
        Some(r#"{"type":7,"error":"bye"}"#)
    );
    let told = messages.iter().filter(|text| text.contains("news"));
    assert_eq!(told.count(), 100);
    settle().await;
    assert_eq!(log.count("gone"), 1);
    assert_eq!(hub.connection_count(), 0);
    client
        .ask("POST", String::new())
        .await
        .expect_text(404, NO_ID);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_drops_the_stream_has_left_at_once_and_without_an_error() {
    let (hub, log) = Room::serve();
    let (client, events) = Client::listening(&hub).await;
    client.call("1", "record", json!(["the last word"])).await;
    let start = Instant::now();
    drop(events);
    hub.closed().await;
    assert!(since(start) < 10);
    assert_eq!(log.all(), ["connected", "the last word", "gone"]);
    client
        .ask("POST", String::new())
        .await
        .expect_text(404, NO_ID);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_while_its_calls_hold_the_reading_up_is_noticed_within_a_second() {
    let (hub, log) = Room::serve();
    let (client, events) = Client::listening(&hub).await;
    // One runs, and more wait for their turn than the server reads ahead.
    let call = r#"{"type":1,"target":"wait","arguments":[]}"#.to_owned() + "\x1e";
    client.post(call.repeat(2_000)).await;
    let start = Instant::now();
    drop(events);
    hub.closed().await;
    assert!(since(start) <= 1_100, "{} ms", since(start));
    assert_eq!(log.all(), ["connected", "gone"]);
}

#[tokio::test(start_paused = true)]
async fn half_a_message_at_the_end_is_an_error_for_the_hub() {
    let (hub, log) = Room::serve();
    let (client, events) = Client::listening(&hub).await;
    client.post("{\"type\":6}\x1e{\"type\"").await;
    drop(events);
    hub.closed().await;
    assert_eq!(
        log.all(),
        [
            "connected",
            "gone: Connection terminated while reading a message."
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_second_stream_is_refused_and_the_first_goes_on() {
    let (hub, _) = Room::serve();
    let (client, mut events) = Client::listening(&hub).await;
    let accept = [("accept", "text/event-stream")];
    let target = client.target();
    let second = crate::support::posts::ask(&hub, "GET", &target, &accept, String::new()).await;
    second.expect_text(409, "");
    client.call("1", "echo", json!(["x"])).await;
    assert_eq!(events.result().await, "x");
}

#[tokio::test(start_paused = true)]
async fn a_stream_for_a_connection_that_is_ending_is_not_found() {
    let room = Room {
        lingers: true,
        ..Room::default()
    };
    let gate = room.gate.clone();
    let hub = HubServer::new(room);
    let (client, events) = Client::listening(&hub).await;
    drop(events);
    settle().await;
    let accept = [("accept", "text/event-stream")];
    let target = client.target();
    let late = crate::support::posts::ask(&hub, "GET", &target, &accept, String::new()).await;
    late.expect_text(404, "");
    client
        .ask("POST", "x".to_owned())
        .await
        .expect_text(404, "");
    client.ask("POST", String::new()).await.expect_text(404, "");
    gate.add_permits(1);
    hub.closed().await;
    client
        .ask("POST", "x".to_owned())
        .await
        .expect_text(404, NO_ID);
}

#[tokio::test(start_paused = true)]
async fn what_was_posted_before_the_stream_is_opened_is_read_then() {
    let (hub, _) = Room::serve();
    let client = Client::negotiate(&hub).await;
    client.shake_hands().await;
    client.call("1", "echo", json!(["early"])).await;
    let mut events = client.events().await;
    let mut messages = Vec::new();
    while messages.len() < 2 {
        messages.extend(events.messages().await.expect("open"));
    }
    assert_eq!(messages[0], "{}");
    assert!(messages[1].contains("early"));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_falls_silent_is_told_and_let_go() {
    let (hub, log) = Room::serve();
    let (_, mut events) = Client::listening(&hub).await;
    let start = Instant::now();
    assert_eq!(events.text().await.as_deref(), Some(CLOSE));
    assert!((30_000..=31_500).contains(&since(start)));
    assert_eq!(events.event().await, None);
    hub.closed().await;
    assert_eq!(
        log.all()[1],
        "gone: Client hasn't sent a message/ping within the configured ClientTimeoutInterval."
    );
}

#[tokio::test(start_paused = true)]
async fn a_handshake_that_never_comes_is_canceled_in_an_event() {
    let (hub, log) = Room::serve();
    let client = Client::negotiate(&hub).await;
    let mut events = client.events().await;
    let start = Instant::now();
    let refusal = r#"{"error":"Handshake was canceled."}"#;
    assert_eq!(events.text().await.as_deref(), Some(refusal));
    assert!((15_000..=16_500).contains(&since(start)));
    assert_eq!(events.event().await, None);
    hub.closed().await;
    assert_eq!(log.all(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn messagepack_is_refused_since_events_are_texts() {
    let (hub, log) = Room::serve();
    let client = Client::negotiate(&hub).await;
    let mut events = client.events().await;
    client
        .tell(r#"{"protocol":"messagepack","version":1}"#)
        .await;
    let refusal = r#"{"error":"Cannot use the 'messagepack' protocol on the current transport. The transport does not support 'Binary' transfer format."}"#;
    assert_eq!(events.text().await.as_deref(), Some(refusal));
    assert_eq!(events.event().await, None);
    hub.closed().await;
    assert_eq!(log.all(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_nobody_reads_holds_senders_up_and_is_broken_off_after_ten_seconds() {
    let (hub, log) = Room::serve();
    let (client, mut events) = Client::listening(&hub).await;
    client.call("1", "tellAll", json!([1_000, 1_000])).await;
    wait(5_000).await;
    let told = log.count("told");
    assert!(
        (60..=135).contains(&told),
        "{told} of 64 and 64 KiB in writing"
    );
    let start = Instant::now();
    hub.closed().await;
    assert!((4_000..=6_500).contains(&since(start)), "{}", since(start));
    assert_eq!(
        log.all().last().map(String::as_str),
        Some("gone: the peer took nothing for the `send_timeout` of 10s")
    );
    // Not a good end: the client must not take what it has for everything.
    let error = loop {
        match events.frame().await.expect("no good end") {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert_eq!(error.to_string(), "the connection's input or output failed");
}

#[tokio::test(start_paused = true)]
async fn a_sender_goes_on_when_the_stream_is_read_again() {
    let (hub, log) = Room::serve();
    let (client, mut events) = Client::listening(&hub).await;
    client.call("1", "tellAll", json!([1_000, 300])).await;
    wait(5_000).await;
    assert!(log.count("told") < 300);
    let start = Instant::now();
    let mut heard = 0;
    while heard < 301 {
        heard += events.messages().await.expect("open").len();
    }
    assert!(since(start) < 100, "{} ms", since(start));
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_read_slowly_but_steadily_is_kept() {
    let room = Room::default();
    let hub = HubServer::builder(room.clone())
        .send_timeout(Duration::from_secs(2))
        .send_queue_limit(1_024)
        .build()
        .expect("valid");
    let (client, mut events) = Client::listening(&hub).await;
    client.call("1", "tellAll", json!([300, 40])).await;
    let mut heard = 0;
    while heard < 41 {
        wait(1_500).await;
        heard += events.messages().await.expect("open").len();
    }
    assert_eq!(hub.connection_count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_stop_of_the_server_tells_the_client_and_ends_the_stream() {
    let (hub, _) = Room::serve();
    let (_, mut events) = Client::listening(&hub).await;
    let shutdown = hub.shutdown(Duration::from_secs(5));
    let start = Instant::now();
    let read = async {
        let close = r#"{"type":7,"allowReconnect":true}"#;
        assert_eq!(events.text().await.as_deref(), Some(close));
        assert_eq!(events.event().await, None);
    };
    futures_util::future::join(shutdown, read).await;
    assert!(since(start) < 100);
    assert_eq!(hub.connection_count(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_not_read_does_not_hold_a_stop_up_beyond_its_time() {
    let (hub, _) = Room::serve();
    let (_client, mut events) = Client::listening(&hub).await;
    let start = Instant::now();
    hub.shutdown(Duration::from_secs(5)).await;
    assert!((4_900..=5_100).contains(&since(start)));
    assert_eq!(hub.connection_count(), 0);
    while let Some(Ok(_)) = events.frame().await {}
}
