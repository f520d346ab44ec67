//! Long polling without a socket: how connections end (transports reference, section 7).

use std::{sync::Arc, time::Duration};

use http_body_util::BodyExt;
use serde_json::json;
use signalr::HubServer;
use tokio::time::Instant;
use tower_service::Service;

use crate::support::{
    Room,
    posts::{Client, NO_ID},
    settle, since, wait,
};

#[tokio::test(start_paused = true)]
async fn the_close_message_comes_with_200_then_204_and_then_404() {
    let (hub, log) = Room::serve();
    let polling = Client::polling(&hub).await;
    polling.client.call("1", "closeMe", json!(["bye"])).await;
    settle().await;
    assert_eq!(log.all(), ["connected", "gone"]);
    let last = polling.client.poll().await;
    assert!(last.body.ends_with("{\"type\":7,\"error\":\"bye\"}\x1e"));
    polling
        .client
        .ask("POST", "x".to_owned())
        .await
        .expect_text(404, "");
    let end = polling.client.poll().await;
    end.expect_text(204, "");
    end.expect_uncached();
    settle().await;
    polling.client.poll().await.expect_text(404, NO_ID);
    assert_eq!(hub.connection_count(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_end_that_nobody_fetches_is_forgotten_after_fifteen_seconds() {
    let (hub, log) = Room::serve();
    let polling = Client::polling(&hub).await;
    polling.client.call("1", "closeMe", json!([null])).await;
    let start = Instant::now();
    hub.closed().await;
    assert!(
        (15_000..=16_100).contains(&since(start)),
        "{}",
        since(start)
    );
    assert_eq!(log.all(), ["connected", "gone"]);
    polling.client.poll().await.expect_text(404, NO_ID);
}

#[tokio::test(start_paused = true)]
async fn a_refused_handshake_is_fetched_like_any_message() {
    let (hub, _) = Room::serve();
    let client = Client::negotiate(&hub).await;
    client.poll().await;
    client.tell(r#"{"protocol":"json","version":9}"#).await;
    let refused = client.poll().await;
    assert_eq!(
        refused.body,
        "{\"error\":\"The server does not support version 9 of the 'json' protocol.\"}\x1e"
    );
    client.poll().await.expect_text(204, "");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_not_taken_within_ten_seconds_ends_the_connection() {
    let (hub, log) = Room::serve();
    let polling = Client::polling(&hub).await;
    polling.client.call("1", "echo", json!(["x"])).await;
    settle().await;
    let request = http::Request::get(polling.client.target()).body(String::new());
    let answer = hub.clone().call(request.expect("a request")).await;
    let mut body = answer.expect("never fails").into_body();
    let start = Instant::now();
    hub.closed().await;
    assert!(
        (10_000..=11_100).contains(&since(start)),
        "{}",
        since(start)
    );
    assert!(body.frame().await.expect("no good end").is_err());
    assert_eq!(
        log.all(),
        [
            "connected",
            "gone: the peer took nothing for the `send_timeout` of 10s"
        ]
    );
    polling.client.poll().await.expect_text(404, NO_ID);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_no_longer_polls_is_let_go_after_fifteen_seconds() {
    let (hub, log) = Room::serve();
    let polling = Client::polling(&hub).await;
    // Polls that end between two looks of the clock count.
    for _ in 0..10 {
        wait(14_000).await;
        polling.client.call("1", "echo", json!(["x"])).await;
        assert_eq!(polling.client.poll().await.messages().len(), 1);
    }
    let start = Instant::now();
    hub.closed().await;
    assert!(
        (15_000..=16_100).contains(&since(start)),
        "{}",
        since(start)
    );
    assert_eq!(log.all(), ["connected", "gone"]);
    polling.client.poll().await.expect_text(404, NO_ID);
}

#[tokio::test(start_paused = true)]
async fn so_is_one_whose_calls_hold_the_reading_up() {
    let (hub, log) = Room::serve();
    let polling = Client::polling(&hub).await;
    let call = r#"{"type":1,"target":"wait","arguments":[]}"#.to_owned() + "\x1e";
    polling.client.post(call.repeat(2_000)).await;
    // The rest of this one waits for room.
    let client = polling.client.clone();
    let post = tokio::spawn(async move { client.ask("POST", "x".repeat(200_000)).await });
    let start = Instant::now();
    hub.closed().await;
    assert!(
        (15_000..=16_100).contains(&since(start)),
        "{}",
        since(start)
    );
    post.await.expect("an answer").expect_text(404, "");
    assert_eq!(log.all(), ["connected", "gone"]);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_never_shakes_hands_is_let_go() {
    let (hub, _) = Room::serve();
    let client = Client::negotiate(&hub).await;
    client.poll().await;
    let start = Instant::now();
    let answer = client.poll().await;
    assert_eq!(answer.body, "{\"error\":\"Handshake was canceled.\"}\x1e");
    assert!((15_000..=16_100).contains(&since(start)));
    client.poll().await.expect_text(204, "");
}

#[tokio::test(start_paused = true)]
async fn no_pings_are_sent_and_silence_is_no_fault() {
    let (hub, _) = Room::serve();
    let mut polling = Client::polling(&hub).await;
    let start = Instant::now();
    while since(start) < 1_000_000 {
        polling.client.poll().await.expect_text(200, "");
    }
    assert_eq!(polling.invoke("echo", json!(["x"])).await, "x");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_pings_all_the_same_is_missed_when_it_stops() {
    let (hub, log) = Room::serve();
    let polling = Client::polling(&hub).await;
    polling.client.tell(r#"{"type":6}"#).await;
    let start = Instant::now();
    let answer = polling.client.poll().await;
    assert_eq!(answer.messages()[0]["type"], 7);
    assert!(
        (30_000..=31_100).contains(&since(start)),
        "{}",
        since(start)
    );
    assert!(log.all()[1].starts_with("gone: Client hasn't sent"));
}

#[tokio::test(start_paused = true)]
async fn delete_ends_the_connection_and_a_waiting_poll() {
    let (hub, log) = Room::serve();
    let mut polling = Client::polling(&hub).await;
    polling
        .client
        .call("1", "record", json!(["the last word"]))
        .await;
    assert_eq!(polling.json().await["type"], 3);
    let poll = polling.client.poll_later();
    settle().await;
    let start = Instant::now();
    polling.client.delete().await.expect_text(202, "");
    poll.await.expect("an answer").expect_text(204, "");
    hub.closed().await;
    assert!(since(start) < 10);
    assert_eq!(log.all(), ["connected", "the last word", "gone"]);
    for method in ["GET", "POST", "DELETE"] {
        let answer = polling.client.ask(method, String::new()).await;
        answer.expect_text(404, NO_ID);
    }
}

#[tokio::test(start_paused = true)]
async fn after_a_delete_what_was_posted_before_is_still_read() {
    let (hub, log) = Room::serve();
    let polling = Client::polling(&hub).await;
    let client = polling.client.clone();
    // Both in one go, before the connection's task can run.
    let post = client.call("1", "record", json!(["x"]));
    let delete = async { client.delete().await.expect_text(202, "") };
    futures_util::future::join(post, delete).await;
    hub.closed().await;
    assert_eq!(log.all(), ["connected", "x", "gone"]);
}

#[tokio::test(start_paused = true)]
async fn while_a_deleted_connection_is_ending_nothing_reaches_it() {
    let room = Room {
        lingers: true,
        ..Room::default()
    };
    let gate = Arc::clone(&room.gate);
    let hub = HubServer::new(room);
    let polling = Client::polling(&hub).await;
    polling.client.delete().await.expect_text(202, "");
    settle().await;
    polling.client.poll().await.expect_text(404, "");
    polling
        .client
        .ask("POST", "x".to_owned())
        .await
        .expect_text(404, "");
    polling.client.delete().await.expect_text(202, "");
    assert_eq!(hub.connection_count(), 1);
    gate.add_permits(1);
    hub.closed().await;
    polling.client.delete().await.expect_text(404, NO_ID);
}

#[tokio::test(start_paused = true)]
async fn delete_is_for_long_polling_only() {
    let (hub, _) = Room::serve();
    let text = "Cannot terminate this connection using the DELETE endpoint.";
    let client = Client::negotiate(&hub).await;
    client.delete().await.expect_text(400, text);
    let (client, mut events) = Client::listening(&hub).await;
    client.delete().await.expect_text(400, text);
    client.call("1", "echo", json!(["x"])).await;
    assert_eq!(events.result().await, "x");
}

#[tokio::test(start_paused = true)]
async fn a_stop_of_the_server_tells_who_polls_and_waits_for_nobody_else() {
    let (hub, log) = Room::serve();
    let polling = Client::polling(&hub).await;
    let poll = polling.client.poll_later();
    settle().await;
    let start = Instant::now();
    hub.shutdown(Duration::from_secs(5)).await;
    assert!(since(start) < 100, "{} ms", since(start));
    let last = poll.await.expect("an answer");
    assert_eq!(last.body, "{\"type\":7,\"allowReconnect\":true}\x1e");
    assert_eq!(log.all(), ["connected", "gone"]);
}

#[tokio::test(start_paused = true)]
async fn a_stop_gives_a_client_between_polls_its_time_and_no_more() {
    let (hub, _) = Room::serve();
    let (a, b) = (Client::polling(&hub).await, Client::polling(&hub).await);
    let start = Instant::now();
    let stop = {
        let hub = hub.clone();
        tokio::spawn(async move { hub.shutdown(Duration::from_secs(5)).await })
    };
    wait(2_000).await;
    let last = a.client.poll().await;
    assert_eq!(last.body, "{\"type\":7,\"allowReconnect\":true}\x1e");
    stop.await.expect("no panic");
    assert!((4_900..=5_100).contains(&since(start)));
    b.client.poll().await.expect_text(404, NO_ID);
}
