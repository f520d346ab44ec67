//! Sends by POST (transports reference, section 8), without a socket.

use std::io;

use bytes::Bytes;
use http_body::Frame;
use http_body_util::StreamBody;
use serde_json::json;
use tokio::time::Instant;

use crate::support::{
    Room,
    posts::{Client, NO_ID, ask, fed, feed, record as call},
    settle, since,
};

#[tokio::test(start_paused = true)]
async fn a_body_of_any_content_type_is_taken_and_answered_empty() {
    let (hub, log) = Room::serve();
    let (client, _events) = Client::listening(&hub).await;
    let target = client.target();
    for (number, content_type) in [
        "text/plain;charset=UTF-8",
        "application/octet-stream",
        "image/png",
        "",
    ]
    .into_iter()
    .enumerate()
    {
        let headers = [("content-type", content_type)];
        let answer = ask(&hub, "POST", &target, &headers, call(&number.to_string())).await;
        answer.expect_text(200, "");
    }
    client.post("").await;
    settle().await;
    assert_eq!(log.all(), ["connected", "0", "1", "2", "3"]);
}

#[tokio::test(start_paused = true)]
async fn posts_without_a_connection_are_refused() {
    let (hub, _) = Room::serve();
    let none: [(&str, &str); 0] = [];
    for target in ["/", "/?id=", "/?token=x"] {
        let answer = ask(&hub, "POST", target, &none, call("x")).await;
        answer.expect_text(400, "Connection ID required");
    }
    let answer = ask(&hub, "POST", "/?id=x", &none, call("x")).await;
    answer.expect_text(404, NO_ID);
}

#[tokio::test(start_paused = true)]
async fn bodies_that_come_at_the_same_time_are_taken_one_after_another() {
    let (hub, log) = Room::serve();
    let (client, _events) = Client::listening(&hub).await;
    let mut feeds = Vec::new();
    let mut posts = Vec::new();
    for _ in 0..10 {
        let (feed, body) = fed();
        let client = client.clone();
        feeds.push(feed);
        posts.push(tokio::spawn(async move { client.ask("POST", body).await }));
        settle().await;
    }
    // The last comes first, and all of them in pieces.
    for (number, sender) in feeds.iter().enumerate().rev() {
        let text = call(&number.to_string());
        for piece in text.as_bytes().chunks(10) {
            feed(sender, std::str::from_utf8(piece).expect("ASCII"));
            settle().await;
        }
    }
    assert_eq!(
        log.all(),
        ["connected", "0"],
        "the second waits for its turn"
    );
    for (feed, post) in feeds.into_iter().zip(posts) {
        drop(feed);
        post.await.expect("an answer").expect_text(200, "");
    }
    settle().await;
    let numbers: Vec<_> = (0..10).map(|number| number.to_string()).collect();
    assert_eq!(log.all()[1..], numbers);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_hundred_posts_at_once_are_all_taken_and_none_is_torn() {
    let (hub, log) = Room::serve();
    let (client, _events) = Client::listening(&hub).await;
    let posts = (0..100).map(|number| {
        let client = client.clone();
        let text = number.to_string().repeat(2_000);
        tokio::spawn(async move { client.post(call(&text)).await })
    });
    for post in posts.collect::<Vec<_>>() {
        post.await.expect("taken");
    }
    client.call("1", "echo", json!(["x"])).await;
    let mut recorded = log.all().split_off(1);
    while recorded.len() < 100 {
        tokio::task::yield_now().await;
        recorded = log.all().split_off(1);
    }
    let mut expected: Vec<_> = (0..100)
        .map(|number| number.to_string().repeat(2_000))
        .collect();
    expected.sort();
    recorded.sort();
    assert_eq!(recorded, expected);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_breaks_off_is_a_bad_request_and_harms_no_other() {
    let (hub, log) = Room::serve();
    let (client, _events) = Client::listening(&hub).await;
    let (sender, body) = fed();
    let post = {
        let client = client.clone();
        tokio::spawn(async move { client.ask("POST", body).await })
    };
    feed(&sender, &call("whole"));
    settle().await;
    sender
        .send(Err(io::ErrorKind::ConnectionReset.into()))
        .expect("read");
    post.await.expect("an answer").expect_text(400, "");
    client.post(call("next")).await;
    settle().await;
    assert_eq!(log.all(), ["connected", "whole", "next"]);
}

#[tokio::test(start_paused = true)]
async fn a_body_may_hold_many_messages_that_are_too_large_together() {
    let (hub, log) = Room::serve();
    let (client, _events) = Client::listening(&hub).await;
    let body: String = (0..1_000)
        .map(|number| call(&format!("{number:0300}")))
        .collect();
    assert!(body.len() > 300_000);
    client.post(body).await;
    settle().await;
    assert_eq!(log.all().len(), 1_001);
}

#[tokio::test(start_paused = true)]
async fn posts_that_are_given_up_make_room_for_the_others() {
    let (hub, log) = Room::serve();
    let (client, _events) = Client::listening(&hub).await;
    let mut posts = Vec::new();
    for _ in 0..20 {
        let (sender, body) = fed();
        let client = client.clone();
        let post = tokio::spawn(async move { client.ask("POST", body).await });
        posts.push((sender, post));
    }
    settle().await;
    for (_, post) in &posts {
        post.abort();
    }
    let start = Instant::now();
    client.post(call("next")).await;
    settle().await;
    assert!(since(start) < 10);
    assert_eq!(log.all(), ["connected", "next"]);
}

#[tokio::test(start_paused = true)]
async fn a_body_in_any_kind_of_buffers_will_do() {
    let (hub, log) = Room::serve();
    let (client, _events) = Client::listening(&hub).await;
    let (first, second) = (call("one"), call("two"));
    let pieces = [first, second].map(|text| {
        let halves = text.split_at(10);
        let chain = bytes::Buf::chain(
            Bytes::copy_from_slice(halves.0.as_bytes()),
            io::Cursor::new(halves.1.as_bytes().to_vec()),
        );
        Ok::<_, &'static str>(Frame::data(chain))
    });
    let body = StreamBody::new(futures_util::stream::iter(pieces));
    client.ask("POST", body).await.expect_text(200, "");
    settle().await;
    assert_eq!(log.all(), ["connected", "one", "two"]);
}
