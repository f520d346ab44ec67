//! Streams that are given up: by whom, when, and what the server hears of it.

use std::time::Duration;

use futures_util::StreamExt;
use signalr::ItemStream;

use crate::support::{Actor, PROTOCOLS, Stage, at_desk, settle};

const TOO_FAR: &str =
    "More than 1 MiB of items waited for their reader while it waited for an answer.";
const CANCEL: &str = r#"{"type":5,"invocationId":"1"}"#;

/// A stream that is given up since it is too far ahead of its reader while a call waits for its answer.
async fn relieved() -> (signalr::HubConnection, Actor, ItemStream<String>) {
    let (mut stage, builder) = Stage::new();
    let builder = builder.stream_buffer(2);
    let (connection, mut actor) = Stage::connected(builder, &mut stage).await;
    let items = connection.stream("texts", ()).await.expect("opened");
    actor.hear_call().await;
    let caller = connection.clone();
    tokio::spawn(async move { caller.invoke::<()>("toil", ()).await });
    actor.hear_call().await;
    let text = "x".repeat(10_000);
    let item = format!(r#"{{"type":2,"invocationId":"1","item":"{text}"}}"#);
    for _ in 0..150 {
        actor.say(&item).await;
    }
    (connection, actor, items)
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_too_far_ahead_is_cancelled_at_the_server_at_once_and_once() {
    for is_read in [true, false] {
        let (connection, mut actor, mut items) = relieved().await;
        assert_eq!(actor.hear_call().await, CANCEL);
        if is_read {
            for _ in 0..2 {
                items.next().await.expect("an item").expect("a text");
            }
            let error = items.next().await.expect("an end").expect_err("too far");
            assert_eq!(error.to_string(), TOO_FAR);
            assert!(items.next().await.is_none());
        }
        drop(items);
        connection.send("after", ()).await.expect("open");
        assert_eq!(
            actor.hear_call().await,
            r#"{"type":1,"target":"after","arguments":[]}"#
        );
    }
}

#[tokio::test]
async fn a_stream_without_end_that_is_too_far_ahead_ends_at_the_server() {
    for protocol in PROTOCOLS {
        let (connection, desk) = at_desk(protocol).await;
        let items = connection.stream::<u32>("endless", ()).await;
        let items = items.expect("opened");
        let caller = connection.clone();
        let toil = tokio::spawn(async move { caller.invoke::<()>("toil", ()).await });
        let dropped = async {
            while !desk.log.all().contains(&"endless dropped".to_owned()) {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), dropped)
            .await
            .expect("it is cancelled");
        let end = items
            .filter_map(|item| std::future::ready(item.err()))
            .next()
            .await;
        assert_eq!(end.expect("an error").to_string(), TOO_FAR);
        assert!(!toil.is_finished());
        toil.abort();
    }
}

#[tokio::test(start_paused = true)]
async fn an_item_that_does_not_fit_cancels_the_stream_however_it_is_left() {
    for protocol in PROTOCOLS {
        for is_read_on in [true, false] {
            let (mut stage, builder) = Stage::of(protocol);
            let (connection, mut actor) = Stage::connected(builder, &mut stage).await;
            let items = connection.stream::<u32>("numbers", ()).await;
            let mut items = items.expect("opened");
            actor.hear_call().await;
            actor
                .say(r#"{"type":2,"invocationId":"1","item":"a"}"#)
                .await;
            let error = items.next().await.expect("an end").expect_err("no number");
            assert!(error.is_serialization());
            if is_read_on {
                assert!(items.next().await.is_none());
            }
            drop(items);
            assert_eq!(actor.hear_call().await, CANCEL);
            settle().await;
            connection.send("after", ()).await.expect("open");
            assert_eq!(
                actor.hear_call().await,
                r#"{"type":1,"target":"after","arguments":[]}"#
            );
        }
    }
}
