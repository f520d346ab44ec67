//! How uploads, streams and answers end, by themselves and with their connection.

use std::time::Duration;

use futures_util::{StreamExt, stream};
use signalr::upload;

use crate::support::{Log, PROTOCOLS, Stage, settle};

const WITH_UPLOAD: &str =
    r#"{"type":1,"invocationId":"2","target":"collect","arguments":[],"streamIds":["1"]}"#;

/// A line of a file, which may turn out to be unreadable.
struct Line(Option<&'static str>);

impl serde::Serialize for Line {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Some(text) => serializer.serialize_str(text),
            None => Err(serde::ser::Error::custom("the disk is gone")),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_upload_that_is_given_up_or_fails_says_so() {
    for protocol in PROTOCOLS {
        let (mut stage, builder) = Stage::of(protocol);
        let (connection, mut actor) = Stage::connected(builder, &mut stage).await;
        let texts = stream::iter(["one"]).chain(stream::pending());
        let call = connection.invoke::<()>("collect", (upload(texts),));
        let given_up = tokio::time::timeout(Duration::from_secs(1), call).await;
        given_up.expect_err("it never ends");
        assert_eq!(actor.hear().await, WITH_UPLOAD);
        let item = r#"{"type":2,"invocationId":"1","item":"one"}"#;
        assert_eq!(actor.hear().await, item);
        let mut ends = [actor.hear().await, actor.hear().await];
        ends.sort();
        assert_eq!(
            ends,
            [
                r#"{"type":3,"invocationId":"1","error":"Stream canceled by client."}"#,
                r#"{"type":5,"invocationId":"2"}"#
            ]
        );

        let items = stream::iter([Line(Some("one")), Line(None)]);
        let sent = connection.send("collect", (upload(items),)).await;
        sent.expect("the call itself is sent");
        assert_eq!(
            actor.hear().await,
            r#"{"type":1,"target":"collect","arguments":[],"streamIds":["3"]}"#
        );
        assert_eq!(
            actor.hear().await,
            r#"{"type":2,"invocationId":"3","item":"one"}"#
        );
        let end = actor.hear().await;
        let text = r#"{"type":3,"invocationId":"3","error":"Stream errored by client: '"#;
        assert!(end.starts_with(text), "{end}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_may_be_answered_before_its_upload_has_ended() {
    for protocol in PROTOCOLS {
        let (mut stage, builder) = Stage::of(protocol);
        let (connection, mut actor) = Stage::connected(builder, &mut stage).await;
        let texts = stream::iter(["one"]).chain(stream::pending());
        let call = connection.invoke::<i32>("collect", (upload(texts),));
        let answer = async {
            assert_eq!(actor.hear().await, WITH_UPLOAD);
            actor.hear().await;
            let answer = r#"{"type":3,"invocationId":"2","result":5}"#;
            actor.say(answer).await;
        };
        assert_eq!(tokio::join!(call, answer).0.expect("answered"), 5);
        connection.send("after", ()).await.expect("still open");
        let heard = [actor.hear().await, actor.hear().await];
        let after = r#"{"type":1,"target":"after","arguments":[]}"#;
        assert!(heard.iter().any(|heard| heard == after), "{heard:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_close_ends_calls_streams_and_uploads_with_its_error_and_nothing_more_is_sent() {
    for protocol in PROTOCOLS {
        const ENOUGH: &str = "The server closed the connection with the following error: enough";
        for (close, call_text, stream_text) in [
            (r#"{"type":7,"error":"enough"}"#, ENOUGH, ENOUGH),
            (
                r#"{"type":7}"#,
                "Invocation canceled due to the underlying connection being closed.",
                "The underlying connection was closed.",
            ),
        ] {
            let (mut stage, builder) = Stage::of(protocol);
            let (connection, mut actor) = Stage::connected(builder, &mut stage).await;
            let mut items = connection
                .stream::<u32>("numbers", ())
                .await
                .expect("a stream");
            let texts = stream::iter(["one"]).chain(stream::pending());
            let call = connection.invoke::<()>("collect", (upload(texts),));
            let end = async {
                for _ in 0..3 {
                    actor.hear().await;
                }
                actor.say(close).await;
                assert_eq!(actor.hear().await, "", "nothing is sent behind the end");
            };
            let (called, ()) = tokio::join!(call, end);
            assert_eq!(called.expect_err("it ends").to_string(), call_text);
            let last = items.next().await.expect("a last item");
            assert_eq!(last.expect_err("it ends").to_string(), stream_text);
            assert!(items.next().await.is_none());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_for_a_connection_that_is_gone_is_dropped() {
    let (mut stage, builder) = Stage::new();
    let log = Log::default();
    let noted = log.clone();
    let builder = builder.automatic_reconnect().respond("asked", move || {
        let log = noted.clone();
        async move {
            log.note("asked");
            tokio::time::sleep(Duration::from_secs(5)).await;
            log.note("answered");
            Ok(1)
        }
    });
    let (_connection, mut actor) = Stage::connected(builder, &mut stage).await;
    let question = r#"{"type":1,"invocationId":"q","target":"asked","arguments":[]}"#;
    actor.say(question).await;
    settle().await;
    assert_eq!(log.all(), ["asked"]);
    drop(actor);
    let mut again = stage.accept().await;
    // Nobody has asked here.
    assert_eq!(again.hear().await, r#"{"type":6}"#);
    assert_eq!(log.all(), ["asked", "answered"]);
}

#[tokio::test(start_paused = true)]
async fn time_limits_are_those_of_dotnet() {
    let (mut stage, builder) = Stage::new();
    let connection = builder.build().expect("valid");
    let begun = tokio::time::Instant::now();
    let (started, mut actor) = tokio::join!(connection.start(), stage.pipe());
    assert!(started.expect_err("nobody answers").is_timeout());
    // 15 s for the handshake, and 5 s for a server that does not end its side.
    assert_eq!(begun.elapsed().as_secs(), 20);
    actor.hear().await;
    let (started, _actor) = tokio::join!(connection.start(), stage.accept());
    started.expect("started");
    let begun = tokio::time::Instant::now();
    connection.stop().await;
    assert_eq!(begun.elapsed().as_secs(), 5);
}

#[tokio::test(start_paused = true)]
async fn calls_that_wait_for_room_in_the_queue_fail_with_the_error_of_the_others() {
    for protocol in PROTOCOLS {
        let (mut stage, builder) = Stage::of(protocol);
        let log = Log::default();
        let noted = log.clone();
        let builder = builder.send_queue_limit(10).on_closed(move |error| {
            noted.note(error.map_or_else(String::new, |error| error.to_string()));
            std::future::ready(())
        });
        let (connection, mut actor) = Stage::connected(builder, &mut stage).await;
        let text = "x".repeat(60_000);
        let call = |number: usize| {
            let (connection, text) = (connection.clone(), text.clone());
            tokio::spawn(async move {
                match number {
                    0..3 => connection.invoke::<()>("a", (text,)).await.err(),
                    3..6 => connection.send("a", (text,)).await.err(),
                    _ => connection.stream::<()>("a", (text,)).await.err(),
                }
            })
        };
        // The first calls are under way, and the queue is full behind it.
        let calls: Vec<_> = (0..9).map(call).collect();
        settle().await;
        assert!(calls.iter().all(|call| !call.is_finished()));
        actor.say(r#"{"type":7,"error":"Over."}"#).await;
        let mut texts = Vec::new();
        for call in calls {
            let error = call.await.expect("no panic").expect("it ends");
            texts.push(error.to_string());
        }
        settle().await;
        texts.dedup();
        assert_eq!(texts, log.all());
        assert!(texts[0].ends_with("Over."));
    }
}

#[tokio::test(start_paused = true)]
async fn calls_streams_and_uploads_end_at_a_loss_and_are_not_replayed() {
    for protocol in PROTOCOLS {
        let (mut stage, builder) = Stage::of(protocol);
        let builder = builder.automatic_reconnect();
        let (connection, mut actor) = Stage::connected(builder, &mut stage).await;
        let mut items = connection.stream::<u32>("count", ()).await.expect("opened");
        let uploading = tokio::spawn({
            let connection = connection.clone();
            let numbers = stream::iter([1]).chain(stream::pending());
            async move { connection.invoke::<()>("collect", (upload(numbers),)).await }
        });
        // The calls, and an item.
        for _ in 0..3 {
            actor.hear().await;
        }
        drop(actor);
        let last = items.next().await.expect("a last item");
        assert!(last.expect_err("lost").is_closed());
        assert!(items.next().await.is_none());
        let called = uploading.await.expect("no panic");
        assert!(called.expect_err("lost").is_closed());
        let mut again = stage.accept().await;
        drop(items);
        // Nothing but a ping, after 15 s.
        assert_eq!(again.hear().await, r#"{"type":6}"#);
    }
}
