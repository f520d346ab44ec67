//! Uploads that nobody waits for, that have no end, and that are cut off.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use futures_util::{Stream, StreamExt, stream};
use signalr::upload;

use crate::support::{Actor, PROTOCOLS, Stage, in_both, settle};

const ENOUGH: &str = "The server closed the connection with the following error: enough";

/// A number each second, and a count of those that were taken.
fn ticks(to: u32) -> (impl Stream<Item = u32>, Arc<AtomicUsize>) {
    let taken = Arc::<AtomicUsize>::default();
    let count = Arc::clone(&taken);
    let ticks = stream::iter(0..to).then(move |number| {
        let count = Arc::clone(&count);
        async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            count.fetch_add(1, Relaxed);
            number
        }
    });
    (ticks, taken)
}

#[tokio::test(start_paused = true)]
async fn a_send_whose_upload_is_cut_off_fails_with_the_connections_error_and_takes_no_more() {
    for protocol in PROTOCOLS {
        for (to, close) in [
            (3, r#"{"type":7,"error":"enough"}"#),
            (u32::MAX, r#"{"type":7,"error":"enough"}"#),
            (u32::MAX, r#"{"type":7}"#),
        ] {
            let (mut stage, builder) = Stage::of(protocol);
            let (connection, mut actor) = Stage::connected(builder, &mut stage).await;
            let (items, taken) = ticks(to);
            let sending = tokio::spawn(async move {
                let sent = connection.send("collect", (upload(items),)).await;
                (sent, tokio::time::Instant::now())
            });
            for _ in 0..2 {
                actor.hear_call().await;
            }
            actor.say(close).await;
            let closed = tokio::time::Instant::now();
            let (sent, ended) = sending.await.expect("no panic");
            let error = sent.expect_err("cut off");
            assert!(error.is_closed());
            match close.contains("enough") {
                true => assert_eq!(error.to_string(), ENOUGH),
                false => assert_eq!(
                    error.to_string(),
                    "Invocation canceled due to the underlying connection being closed."
                ),
            }
            assert_eq!(ended, closed, "it does not wait for the next item");
            tokio::time::sleep(Duration::from_secs(10)).await;
            assert_eq!(taken.load(Relaxed), 1);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_send_of_a_stream_that_is_always_ready_ends_with_the_connection() {
    for is_read in [true, false] {
        let (mut stage, builder) = Stage::new();
        let (connection, mut actor) = Stage::connected(builder, &mut stage).await;
        let endless = stream::repeat("x");
        let sending =
            tokio::spawn(async move { connection.send("collect", (upload(endless),)).await });
        for _ in 0..10_000 * u32::from(is_read) {
            actor.hear().await;
        }
        settle().await;
        assert!(!sending.is_finished());
        drop(actor);
        sending
            .await
            .expect("no panic")
            .expect_err("it cannot end otherwise");
    }
}

/// The messages up to one that satisfies.
async fn hear_until(actor: &mut Actor, is_last: impl Fn(&str) -> bool) -> Vec<String> {
    let mut heard = Vec::new();
    while heard.last().is_none_or(|last: &String| !is_last(last)) {
        heard.push(actor.hear_call().await);
    }
    heard
}

#[tokio::test(start_paused = true)]
async fn uploads_of_a_stream_go_on_while_nobody_reads_it_until_the_call_ends() {
    for protocol in PROTOCOLS {
        let (mut stage, builder) = Stage::of(protocol);
        let (connection, mut actor) = Stage::connected(builder, &mut stage).await;
        let numbers = upload(stream::iter([1, 2]));
        let whole = connection.stream::<u32>("doubled", (numbers,)).await;
        let heard = hear_until(&mut actor, |last| last.starts_with(r#"{"type":3"#)).await;
        assert_eq!(
            heard,
            [
                r#"{"type":4,"invocationId":"2","target":"doubled","arguments":[],"streamIds":["1"]}"#,
                r#"{"type":2,"invocationId":"1","item":1}"#,
                r#"{"type":2,"invocationId":"1","item":2}"#,
                r#"{"type":3,"invocationId":"1"}"#,
            ]
        );
        drop(whole.expect("opened"));
        assert_eq!(actor.hear_call().await, r#"{"type":5,"invocationId":"2"}"#);

        // The call is given up, or completed though nobody reads that.
        for (upload_id, completion) in [(3, None), (5, Some(r#"{"type":3,"invocationId":"6"}"#))] {
            let (numbers, taken) = ticks(u32::MAX);
            let items = connection
                .stream::<u32>("doubled", (upload(numbers),))
                .await;
            let items = items.expect("opened");
            let third = |last: &str| last.ends_with(r#""item":2}"#);
            hear_until(&mut actor, third).await;
            match completion {
                Some(completion) => {
                    actor.say(completion).await;
                    settle().await;
                }
                None => drop(items),
            }
            let mut heard = vec![actor.hear_call().await];
            if completion.is_none() {
                heard.push(actor.hear_call().await);
                heard.sort();
                assert_eq!(
                    heard.pop().expect("two"),
                    r#"{"type":5,"invocationId":"4"}"#
                );
            }
            assert_eq!(
                heard,
                [format!(
                    r#"{{"type":3,"invocationId":"{upload_id}","error":"Stream canceled by client."}}"#
                )]
            );
            tokio::time::sleep(Duration::from_secs(10)).await;
            assert_eq!(taken.load(Relaxed), 3);
        }
        connection.send("after", ()).await.expect("open");
        assert_eq!(
            actor.hear_call().await,
            r#"{"type":1,"target":"after","arguments":[]}"#
        );
    }
}

#[tokio::test(start_paused = true)]
async fn uploads_of_a_stream_reach_the_method_though_its_items_are_not_read() {
    in_both(|connection, desk| async move {
        let texts = stream::iter((0..100).map(|number| number.to_string()));
        let items = connection
            .stream::<()>("drain", (upload(texts),))
            .await
            .expect("opened");
        settle().await;
        assert_eq!(desk.log.all().len(), 100);
        drop(items);
    })
    .await;
}
