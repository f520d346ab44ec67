//! Long polling without a socket: what polls are answered with (transports reference, section 7).

use std::time::Duration;

use http_body_util::BodyExt;
use serde_json::json;
use signalr::HubServer;
use tokio::time::Instant;
use tower_service::Service;

use crate::support::{
    Room,
    posts::{BYTES, Client, NO_ID, ask},
    settle, since, wait,
};

#[tokio::test(start_paused = true)]
async fn the_first_poll_is_answered_at_once_and_empty_even_if_there_is_something() {
    let (hub, log) = Room::serve();
    let client = Client::negotiate(&hub).await;
    client.shake_hands().await;
    client.call("1", "echo", json!(["early"])).await;
    let start = Instant::now();
    let first = client.poll().await;
    assert_eq!((first.status, &*first.body), (200, ""));
    assert_eq!(first.header("content-type"), BYTES);
    first.expect_uncached();
    settle().await;
    assert_eq!(log.all(), ["connected"]);
    let second = client.poll().await;
    assert!(since(start) < 10);
    assert_eq!(second.messages().len(), 2);
    second.expect_uncached();
}

#[tokio::test(start_paused = true)]
async fn a_poll_waits_until_there_is_something() {
    let (hub, _) = Room::serve();
    let mut polling = Client::polling(&hub).await;
    polling.client.call("1", "later", json!([50_000])).await;
    let start = Instant::now();
    assert_eq!(polling.json().await["target"], "later");
    assert!((50_000..50_100).contains(&since(start)));
}

#[tokio::test(start_paused = true)]
async fn a_poll_in_vain_comes_back_empty_after_ninety_seconds() {
    let (hub, _) = Room::serve();
    let polling = Client::polling(&hub).await;
    for _ in 0..3 {
        let start = Instant::now();
        let answer = polling.client.poll().await;
        answer.expect_text(200, "");
        answer.expect_uncached();
        let after = since(start);
        assert!((90_000..=91_100).contains(&after), "after {after} ms");
    }
    assert_eq!(hub.connection_count(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_poll_timeout_is_an_option() {
    let hub = HubServer::builder(Room::default()).poll_timeout(Duration::from_secs(2));
    let polling = Client::polling(&hub.build().expect("valid")).await;
    let start = Instant::now();
    polling.client.poll().await.expect_text(200, "");
    assert!((2_000..=2_250).contains(&since(start)));
}

#[tokio::test(start_paused = true)]
async fn refused_polls_are_not_cached_either() {
    let (hub, _) = Room::serve();
    let none: [(&str, &str); 0] = [];
    let missing = ask(&hub, "GET", "/", &none, String::new()).await;
    missing.expect_text(400, "Connection ID required");
    missing.expect_uncached();
    let unknown = ask(&hub, "GET", "/?id=x", &none, String::new()).await;
    unknown.expect_text(404, NO_ID);
    unknown.expect_uncached();
    let (client, _events) = Client::listening(&hub).await;
    let other = client.poll().await;
    other.expect_text(400, "Cannot change transports mid-connection");
    other.expect_uncached();
}

#[tokio::test(start_paused = true)]
async fn a_poll_brings_all_that_waited_in_one_body_of_known_length() {
    let (hub, _) = Room::serve();
    let polling = Client::polling(&hub).await;
    polling.client.call("1", "tellAll", json!([10, 500])).await;
    settle().await;
    let request = http::Request::get(polling.client.target()).body(String::new());
    let answer = hub.clone().call(request.expect("a request")).await;
    let body = answer.expect("never fails").into_body();
    let length = http_body::Body::size_hint(&body).exact();
    let bytes = body.collect().await.expect("whole").to_bytes();
    assert_eq!(length, Some(bytes.len() as u64));
    let separators = bytes.iter().filter(|byte| **byte == 0x1e);
    assert_eq!(separators.count(), 501);
}

#[tokio::test(start_paused = true)]
async fn a_message_larger_than_any_buffer_comes_in_one_body() {
    let (hub, _) = Room::serve();
    let mut polling = Client::polling(&hub).await;
    let result = polling.invoke("large", json!([3_000_000])).await;
    assert_eq!(result, "x".repeat(3_000_000));
}

#[tokio::test(start_paused = true)]
async fn a_newer_poll_replaces_the_one_that_waits() {
    let (hub, _) = Room::serve();
    let polling = Client::polling(&hub).await;
    let old = polling.client.poll_later();
    settle().await;
    let new = polling.client.poll_later();
    let replaced = old.await.expect("an answer");
    replaced.expect_text(204, "");
    replaced.expect_uncached();
    polling.client.call("1", "echo", json!(["x"])).await;
    assert_eq!(new.await.expect("an answer").messages()[0]["result"], "x");
}

#[tokio::test(start_paused = true)]
async fn of_many_polls_at_once_one_is_answered_and_the_others_are_sent_away() {
    let (hub, _) = Room::serve();
    let polling = Client::polling(&hub).await;
    let polls: Vec<_> = (0..50).map(|_| polling.client.poll_later()).collect();
    settle().await;
    polling.client.call("1", "echo", json!(["x"])).await;
    let mut statuses = Vec::new();
    for poll in polls {
        let answer = poll.await.expect("an answer");
        answer.expect_uncached();
        statuses.push(answer.status);
    }
    assert!(statuses.contains(&409), "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1);
    assert!(
        statuses
            .iter()
            .all(|status| [200, 204, 409].contains(status))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_is_lost_or_repeated_when_polls_replace_each_other() {
    const TOTAL: u64 = 5_000;
    // A poll that waits for more than there is comes back soon.
    let hub = HubServer::builder(Room::default()).poll_timeout(Duration::from_millis(200));
    let hub = hub.build().expect("valid");
    let polling = Client::polling(&hub).await;
    let all = hub.context().clients().all();
    let sender = tokio::spawn(async move {
        for number in 0..TOTAL {
            all.send("news", (number,)).await.expect("sent");
            if number % 7 == 0 {
                tokio::task::yield_now().await;
            }
        }
    });
    // Every second poll is given up or replaced at some moment.
    let mut heard = Vec::new();
    let mut round = 0_u32;
    while heard.len() < usize::try_from(TOTAL).expect("small") {
        round += 1;
        let first = polling.client.poll_later();
        for _ in 0..round % 13 {
            tokio::task::yield_now().await;
        }
        let mut polls = vec![first];
        if round.is_multiple_of(2) {
            polls.push(polling.client.poll_later());
        }
        let mut bodies = Vec::new();
        for poll in polls {
            let answer = poll.await.expect("an answer");
            assert!([200, 204, 409].contains(&answer.status), "{answer:?}");
            if !answer.body.is_empty() {
                bodies.push(answer.messages());
            }
        }
        // Two may have been answered, in either order of our looking at them.
        bodies.sort_by_key(|messages| messages[0]["arguments"][0].as_u64());
        for message in bodies.concat() {
            heard.push(message["arguments"][0].as_u64().expect("a number"));
        }
    }
    sender.await.expect("no panic");
    assert!(heard.into_iter().eq(0..TOTAL));
}

#[tokio::test(start_paused = true)]
async fn a_poll_that_is_given_up_loses_nothing() {
    let (hub, _) = Room::serve();
    let mut polling = Client::polling(&hub).await;
    for number in 0..20 {
        let poll = polling.client.poll_later();
        settle().await;
        poll.abort();
        assert!(poll.await.is_err());
        let echo = polling.invoke("echo", json!([number.to_string()])).await;
        assert_eq!(echo, number.to_string());
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_dropped_unread_comes_with_the_next_poll() {
    let (hub, _) = Room::serve();
    let mut polling = Client::polling(&hub).await;
    polling.client.call("1", "echo", json!(["x"])).await;
    settle().await;
    let request = http::Request::get(polling.client.target()).body(String::new());
    let answer = hub.clone().call(request.expect("a request")).await;
    drop(answer);
    polling.client.call("2", "echo", json!(["y"])).await;
    assert_eq!(polling.json().await["result"], "x");
    assert_eq!(polling.json().await["result"], "y");
}

#[tokio::test(start_paused = true)]
async fn a_poll_waits_until_the_answer_before_it_is_written() {
    let (hub, _) = Room::serve();
    let polling = Client::polling(&hub).await;
    polling.client.call("1", "echo", json!(["x"])).await;
    settle().await;
    let request = http::Request::get(polling.client.target()).body(String::new());
    let answer = hub.clone().call(request.expect("a request")).await;
    let mut body = answer.expect("never fails").into_body();
    let piece = body.frame().await.expect("a piece").expect("a good one");
    let next = polling.client.poll_later();
    polling.client.call("2", "echo", json!(["y"])).await;
    wait(5_000).await;
    assert!(
        !next.is_finished(),
        "the first answer is still being written"
    );
    drop(piece);
    drop(body);
    assert_eq!(next.await.expect("an answer").messages()[0]["result"], "y");
}

#[tokio::test(start_paused = true)]
async fn between_polls_senders_wait_when_64_kib_do() {
    let (hub, log) = Room::serve();
    let mut polling = Client::polling(&hub).await;
    polling
        .client
        .call("1", "tellAll", json!([1_000, 300]))
        .await;
    wait(5_000).await;
    let told = log.count("told");
    assert!(
        (60..=66).contains(&told),
        "{told} messages of a thousand bytes"
    );
    for number in 0..300 {
        assert_eq!(polling.json().await["arguments"][0], number);
    }
    assert_eq!(polling.json().await["result"], 300);
}

#[tokio::test(start_paused = true)]
async fn calls_streams_uploads_and_client_results_work_over_polls() {
    let (hub, _) = Room::serve();
    let mut polling = Client::polling(&hub).await;
    assert_eq!(polling.invoke("echo", json!(["x"])).await, "x");
    polling
        .client
        .tell(r#"{"type":4,"invocationId":"2","target":"count","arguments":[3]}"#)
        .await;
    for item in 0..3 {
        assert_eq!(polling.json().await["item"], item);
    }
    assert_eq!(polling.json().await["type"], 3);
    polling
        .client
        .tell(r#"{"type":1,"invocationId":"3","target":"sum","arguments":[],"streamIds":["u"]}"#)
        .await;
    for item in 1..=3 {
        let item = json!({"type": 2, "invocationId": "u", "item": item});
        polling.client.tell(&item.to_string()).await;
    }
    polling
        .client
        .tell(r#"{"type":3,"invocationId":"u"}"#)
        .await;
    assert_eq!(polling.json().await["result"], 6);
    polling.client.call("4", "ask", json!([])).await;
    let id = polling.json().await["invocationId"].take();
    let answer = json!({"type": 3, "invocationId": id, "result": 7});
    polling.client.tell(&answer.to_string()).await;
    assert_eq!(polling.json().await["result"], 7);
}

#[tokio::test(start_paused = true)]
async fn the_hub_keeps_the_request_of_the_first_poll() {
    let (hub, _) = Room::serve();
    let client = Client::negotiate(&hub).await;
    let target = format!("{}&tenant=7", client.target());
    let headers = [("x-test", "first"), ("cookie", "a=1; b=2")];
    let first = ask(&hub, "GET", &target, &headers, String::new()).await;
    assert_eq!(first.status, 200);
    client.shake_hands().await;
    for round in 0..3 {
        client.call("1", "request", json!([])).await;
        let target = format!("{}&tenant=8&_={round}", client.target());
        let headers = [("x-test", "later")];
        let answer = ask(&hub, "GET", &target, &headers, String::new()).await;
        let mut messages = answer.messages();
        let request = messages.pop().expect("a message")["result"].take();
        assert_eq!(request["header"], "first");
        assert_eq!(request["query"], "7");
        assert_eq!(request["cookie"], "2");
        assert_eq!(request["transport"], "LongPolling");
    }
}
