//! Limits of sends by POST: room, size and time (transports reference, section 8), without a socket.

use std::time::Duration;

use signalr::HubServer;
use tokio::time::Instant;

use crate::support::{
    Room,
    posts::{Client, NO_ID, fed, feed, record as call},
    settle, since, wait,
};

const KIB: usize = 1024;

#[tokio::test(start_paused = true)]
async fn a_post_waits_when_64_kib_are_unread_and_goes_on_when_they_are_read() {
    let (hub, log) = Room::serve();
    let client = Client::negotiate(&hub).await;
    client.shake_hands().await;
    let texts: Vec<_> = (0..10)
        .map(|number| number.to_string().repeat(10 * KIB))
        .collect();
    let all: String = texts.iter().map(|text| call(text)).collect();
    let mut post = {
        let client = client.clone();
        tokio::spawn(async move { client.ask("POST", all).await })
    };
    // Nobody reads before the connection is opened.
    let patience = Duration::from_secs(10);
    assert!(tokio::time::timeout(patience, &mut post).await.is_err());
    let _events = client.events().await;
    post.await.expect("an answer").expect_text(200, "");
    settle().await;
    assert_eq!(log.all()[1..], texts);
}

#[tokio::test(start_paused = true)]
async fn a_post_that_waits_when_its_connection_ends_is_not_found() {
    let (hub, _) = Room::serve();
    let client = Client::negotiate(&hub).await;
    let start = Instant::now();
    // Never opened.
    let answer = client.ask("POST", "x".repeat(100 * KIB)).await;
    answer.expect_text(404, "");
    assert!(
        (15_000..=16_100).contains(&since(start)),
        "{}",
        since(start)
    );
    // Opened, and left.
    let (client, events) = Client::listening(&hub).await;
    let wait = r#"{"type":1,"target":"wait","arguments":[]}"#.to_owned() + "\x1e";
    let post = {
        let client = client.clone();
        tokio::spawn(async move { client.ask("POST", wait.repeat(10_000)).await })
    };
    settle().await;
    drop(events);
    post.await.expect("an answer").expect_text(404, "");
}

#[tokio::test(start_paused = true)]
async fn a_body_that_never_ends_is_let_go_with_its_connection() {
    let (hub, _) = Room::serve();
    let (client, events) = Client::listening(&hub).await;
    let (feed, body) = fed();
    let post = {
        let client = client.clone();
        tokio::spawn(async move { client.ask("POST", body).await })
    };
    settle().await;
    drop(events);
    let start = Instant::now();
    post.await.expect("an answer").expect_text(404, "");
    assert!(since(start) < 10);
    assert!(feed.is_closed());
}

#[tokio::test(start_paused = true)]
async fn a_message_that_is_too_large_ends_the_connection_and_not_the_memory() {
    let (hub, log) = Room::serve();
    let (client, mut events) = Client::listening(&hub).await;
    let (sender, body) = fed();
    let post = {
        let client = client.clone();
        tokio::spawn(async move { client.ask("POST", body).await })
    };
    let mut pieces = 0;
    let piece = "x".repeat(KIB);
    while !sender.is_closed() {
        feed(&sender, &piece);
        pieces += 1;
        settle().await;
    }
    assert!(pieces <= 34, "{pieces} KiB of at most 32");
    post.await.expect("an answer").expect_text(404, "");
    let close = r#"{"type":7,"error":"Connection closed with an error.","allowReconnect":true}"#;
    assert_eq!(events.text().await.as_deref(), Some(close));
    assert_eq!(events.event().await, None);
    assert!(log.all()[1].contains("32768B was exceeded"));
}

#[tokio::test(start_paused = true)]
async fn bodies_are_limited_before_and_while_they_are_read() {
    let room = Room::default();
    let log = room.log.clone();
    let hub = HubServer::builder(room).max_body_size(1_000);
    let hub = hub.build().expect("valid");
    let (client, _events) = Client::listening(&hub).await;
    let text = "The body is larger than `max_body_size` (1000) bytes.";
    let announced = client.ask("POST", call(&"x".repeat(1_000))).await;
    announced.expect_text(413, text);
    let (sender, body) = fed();
    let post = {
        let client = client.clone();
        tokio::spawn(async move { client.ask("POST", body).await })
    };
    for number in 0..100 {
        if sender.is_closed() {
            break;
        }
        feed(&sender, &call(&number.to_string()));
        settle().await;
    }
    assert!(sender.is_closed());
    post.await.expect("an answer").expect_text(413, text);
    let taken = log.all().len();
    assert!(taken < 25, "{taken}");
    client.post(call("last")).await;
    settle().await;
    assert_eq!(log.all().last().map(String::as_str), Some("last"));
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_come_is_given_up_and_the_next_one_has_its_turn() {
    let (hub, log) = Room::serve();
    let polling = Client::polling(&hub).await;
    let client = polling.client.clone();
    let _poll = client.poll_later();
    let (_sender, body) = fed();
    let slow = {
        let client = client.clone();
        tokio::spawn(async move { client.ask("POST", body).await })
    };
    settle().await;
    let start = Instant::now();
    let next = client.ask("POST", call("next")).await;
    next.expect_text(200, "");
    slow.await.expect("an answer").expect_text(408, "");
    assert!(
        (14_900..=15_100).contains(&since(start)),
        "{}",
        since(start)
    );
    settle().await;
    assert_eq!(log.all(), ["connected", "next"]);
}

#[tokio::test(start_paused = true)]
async fn a_slow_body_is_taken_as_long_as_it_comes() {
    let (hub, log) = Room::serve();
    let polling = Client::polling(&hub).await;
    let client = polling.client.clone();
    let _poll = client.poll_later();
    let (sender, body) = fed();
    let post = {
        let client = client.clone();
        tokio::spawn(async move { client.ask("POST", body).await })
    };
    // 300 bytes a second for a minute.
    for number in 0..60 {
        feed(&sender, &call(&format!("{number:0240}")));
        wait(1_000).await;
    }
    drop(sender);
    post.await.expect("an answer").expect_text(200, "");
    assert_eq!(log.all().len(), 61);
    // One byte every ten seconds is no way to keep a socket.
    let (sender, body) = fed();
    let post = {
        let client = client.clone();
        tokio::spawn(async move { client.ask("POST", body).await })
    };
    let start = Instant::now();
    while !sender.is_closed() {
        feed(&sender, "x");
        wait(10_000).await;
    }
    assert!(since(start) <= 20_000);
    post.await.expect("an answer").expect_text(408, "");
}

#[tokio::test(start_paused = true)]
async fn a_thousand_posts_to_an_unopened_connection_wait_without_work_and_are_answered_in_time() {
    let (hub, _) = Room::serve();
    let client = Client::negotiate(&hub).await;
    let posts: Vec<_> = (0..1_000)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.ask("POST", "x".repeat(KIB)).await.status })
        })
        .collect();
    settle().await;
    let metrics = tokio::runtime::Handle::current().metrics();
    let waiting = metrics.num_alive_tasks();
    // Half of the clients go away.
    for post in posts.iter().step_by(2) {
        post.abort();
    }
    settle().await;
    assert!(
        metrics.num_alive_tasks() + 400 < waiting,
        "they are gone at once"
    );
    let parks = metrics.worker_park_count(0);
    wait(10_000).await;
    let parks = metrics.worker_park_count(0) - parks;
    assert!(parks < 100, "woken {parks} times in ten seconds of waiting");
    let mut statuses = Vec::new();
    for post in posts {
        if let Ok(status) = post.await {
            statuses.push(status);
        }
    }
    assert!(statuses.len() >= 500);
    let taken = statuses.iter().filter(|status| **status == 200).count();
    assert!(taken <= 64, "{taken} KiB of at most 64");
    assert!(statuses.iter().all(|status| [200, 404].contains(status)));
    settle().await;
    assert_eq!(metrics.num_alive_tasks(), 0);
    client
        .ask("POST", String::new())
        .await
        .expect_text(404, NO_ID);
}
