//! What a client asks of a hub, in both encodings.

use futures_util::{StreamExt, future::join_all, stream};
use signalr::{Error, HubConnection, upload};

use crate::support::{PROTOCOLS, Stage, in_both, settle};

#[tokio::test(start_paused = true)]
async fn results_errors_and_nothing_come_back() {
    in_both(|connection, desk| async move {
        let sum: i32 = connection.invoke("add", (1, 2)).await.expect("a sum");
        assert_eq!(sum, 3);
        connection
            .invoke::<()>("note", ("told",))
            .await
            .expect("done");
        assert_eq!(desk.log.all(), ["told"]);
        let nothing: Option<i32> = connection.invoke("note", ("again",)).await.expect("done");
        assert_eq!(nothing, None);
        let failed: Result<(), Error> = connection.invoke("fail", ("no such luck",)).await;
        let error = failed.expect_err("it fails");
        assert_eq!(
            error.remote_message(),
            Some("An unexpected error occurred invoking 'fail' on the server. HubException: no such luck")
        );
        let unfit: Result<String, Error> = connection.invoke("add", (1, 2)).await;
        assert!(unfit.expect_err("a number is no text").is_serialization());
        let sum: i32 = connection.invoke("add", (3, 4)).await.expect("still open");
        assert_eq!(sum, 7);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn concurrent_calls_each_get_their_own_answer() {
    in_both(|connection, _| async move {
        let calls = (0..500).map(|number| {
            let connection = connection.clone();
            async move {
                connection
                    .invoke::<i32>("add", (number, 1))
                    .await
                    .expect("a sum")
            }
        });
        let sums = join_all(calls).await;
        assert_eq!(sums, (1..=500).collect::<Vec<_>>());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn answers_out_of_order_reach_the_right_caller() {
    for protocol in PROTOCOLS {
        let (mut stage, builder) = Stage::of(protocol);
        let (connection, mut actor) = Stage::connected(builder, &mut stage).await;
        let calls = (1..=20).map(|_| connection.invoke::<i32>("asked", ()));
        let answering = async {
            for id in 1..=20 {
                let call = format!(
                    r#"{{"type":1,"invocationId":"{id}","target":"asked","arguments":[]}}"#
                );
                assert_eq!(actor.hear().await, call);
            }
            for id in (2..=20).step_by(2).chain((1..=19).rev().step_by(2)) {
                let answer = format!(r#"{{"type":3,"invocationId":"{id}","result":{id}}}"#);
                actor.say(&answer).await;
            }
        };
        let (answers, ()) = tokio::join!(join_all(calls), answering);
        let answers: Result<Vec<_>, _> = answers.into_iter().collect();
        assert_eq!(answers.expect("answered"), (1..=20).collect::<Vec<_>>());
    }
}

#[tokio::test(start_paused = true)]
async fn ids_count_from_one_and_sends_have_none() {
    for protocol in PROTOCOLS {
        let (mut stage, builder) = Stage::of(protocol);
        let (connection, mut actor) = Stage::connected(builder, &mut stage).await;
        connection.send("told", ("a",)).await.expect("sent");
        assert_eq!(
            actor.hear().await,
            r#"{"type":1,"target":"told","arguments":["a"]}"#
        );
        for id in ["1", "2"] {
            let call = connection.invoke::<()>("asked", ());
            let answer = async {
                assert_eq!(
                    actor.hear().await,
                    format!(
                        r#"{{"type":1,"invocationId":"{id}","target":"asked","arguments":[]}}"#
                    )
                );
                actor
                    .say(&format!(r#"{{"type":3,"invocationId":"{id}"}}"#))
                    .await;
            };
            let (called, ()) = tokio::join!(call, answer);
            called.expect("answered");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn uploads_take_their_ids_before_the_call_and_stand_anywhere() {
    for protocol in PROTOCOLS {
        let (mut stage, builder) = Stage::of(protocol);
        let (connection, mut actor) = Stage::connected(builder, &mut stage).await;
        let (a, b) = (stream::iter([1, 2]), stream::iter(["x"]));
        let call = connection.invoke::<u32>("mixed", ("first", upload(a), upload(b), "last"));
        let answer = async {
            assert_eq!(
                actor.hear().await,
                r#"{"type":1,"invocationId":"3","target":"mixed","arguments":["first","last"],"streamIds":["1","2"]}"#
            );
            let mut heard = Vec::new();
            for _ in 0..5 {
                heard.push(actor.hear().await);
            }
            heard.sort();
            assert_eq!(
                heard,
                [
                    r#"{"type":2,"invocationId":"1","item":1}"#,
                    r#"{"type":2,"invocationId":"1","item":2}"#,
                    r#"{"type":2,"invocationId":"2","item":"x"}"#,
                    r#"{"type":3,"invocationId":"1"}"#,
                    r#"{"type":3,"invocationId":"2"}"#,
                ]
            );
            actor
                .say(r#"{"type":3,"invocationId":"3","result":7}"#)
                .await;
        };
        let (called, ()) = tokio::join!(call, answer);
        assert_eq!(called.expect("answered"), 7);
    }
}

#[tokio::test(start_paused = true)]
async fn uploads_reach_the_method_next_to_values_and_each_other() {
    in_both(|connection, _| async move {
        let (a, b) = (
            stream::iter(0..200),
            stream::iter(["x".to_owned(), "y".to_owned()]),
        );
        let joined: String = connection
            .invoke("join", ("<", upload(a), upload(b), ">"))
            .await
            .expect("joined");
        let numbers: String = (0..200).map(|number| number.to_string()).collect();
        assert_eq!(joined, format!("<{numbers}xy>"));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn items_come_in_order_and_end() {
    in_both(|connection, desk| async move {
        let items = connection
            .stream::<u32>("counter", (1_000,))
            .await
            .expect("opened");
        let items: Vec<_> = items.map(|item| item.expect("a number")).collect().await;
        assert_eq!(items, (0..1_000).collect::<Vec<_>>());
        assert_eq!(desk.log.all(), ["counter dropped"]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_goes_both_ways() {
    in_both(|connection, _| async move {
        let doubled = connection
            .stream::<u32>("doubled", (upload(stream::iter(0..300)),))
            .await
            .expect("opened");
        let doubled: Vec<_> = doubled.map(|item| item.expect("a number")).collect().await;
        assert_eq!(
            doubled,
            (0..300).map(|number| number * 2).collect::<Vec<_>>()
        );
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_dropped_stream_is_cancelled_once_and_only_before_its_end() {
    for protocol in PROTOCOLS {
        let (mut stage, builder) = Stage::of(protocol);
        let (connection, mut actor) = Stage::connected(builder, &mut stage).await;
        let mut items = connection
            .stream::<u32>("numbers", ())
            .await
            .expect("opened");
        assert_eq!(
            actor.hear().await,
            r#"{"type":4,"invocationId":"1","target":"numbers","arguments":[]}"#
        );
        actor.say(r#"{"type":2,"invocationId":"1","item":5}"#).await;
        assert_eq!(items.next().await.expect("an item").expect("a number"), 5);
        drop(items);
        assert_eq!(actor.hear().await, r#"{"type":5,"invocationId":"1"}"#);
        // What still comes is dropped.
        actor.say(r#"{"type":2,"invocationId":"1","item":6}"#).await;
        actor.say(r#"{"type":3,"invocationId":"1"}"#).await;
        let mut ended = connection
            .stream::<u32>("numbers", ())
            .await
            .expect("opened");
        actor.hear().await;
        actor.say(r#"{"type":3,"invocationId":"2"}"#).await;
        assert!(ended.next().await.is_none());
        drop(ended);
        connection.send("after", ()).await.expect("open");
        assert_eq!(
            actor.hear().await,
            r#"{"type":1,"target":"after","arguments":[]}"#
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_dropped_call_is_cancelled_at_the_server() {
    in_both(|connection, desk| async move {
        let call = connection.invoke::<()>("toil", ());
        let given_up = tokio::time::timeout(std::time::Duration::from_secs(1), call).await;
        given_up.expect_err("it never ends");
        settle().await;
        assert_eq!(desk.log.all(), ["toil dropped"]);
        let endless = connection
            .stream::<u32>("endless", ())
            .await
            .expect("opened");
        let first: Vec<_> = endless
            .take(3)
            .map(|item| item.expect("a number"))
            .collect()
            .await;
        assert_eq!(first, [0, 1, 2]);
        settle().await;
        assert_eq!(desk.log.all(), ["toil dropped", "endless dropped"]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_dropped_call_gives_its_upload_up() {
    in_both(|connection, desk| async move {
        let texts = stream::iter(["one".to_owned()]).chain(stream::pending());
        let call = connection.invoke::<()>("collect", (upload(texts),));
        let given_up = tokio::time::timeout(std::time::Duration::from_secs(1), call).await;
        given_up.expect_err("it never ends");
        settle().await;
        // The call is dropped with its upload: the method has no time to note anything else.
        assert_eq!(desk.log.all(), ["one"]);
        connection
            .send("collect", (upload(stream::iter(["two".to_owned()])),))
            .await
            .expect("sent");
        settle().await;
        assert_eq!(desk.log.all(), ["one", "two", "end"]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_argument_that_cannot_be_serialized_costs_its_call_only() {
    in_both(|connection, _| async move {
        struct Unfit;
        impl serde::Serialize for Unfit {
            fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
                Err(serde::ser::Error::custom("never"))
            }
        }
        let failed = connection.invoke::<i32>("add", (1, Unfit)).await;
        assert!(failed.expect_err("it cannot be sent").is_serialization());
        let failed = connection.send("note", (Unfit,)).await;
        assert!(failed.expect_err("it cannot be sent").is_serialization());
        assert_eq!(
            connection.invoke::<i32>("add", (1, 2)).await.expect("open"),
            3
        );
    })
    .await;
}

fn is_usable_anywhere<T: Send + Sync + Clone + 'static>() {}

#[test]
fn a_connection_goes_anywhere_and_its_futures_too() {
    fn is_send<T: Send>(_: T) {}
    is_usable_anywhere::<HubConnection>();
    let builder = HubConnection::over(|| std::future::ready(Ok(tokio::io::empty())));
    let _ = builder;
    let call = |connection: HubConnection| async move {
        connection.invoke::<String>("name", ("text", 5)).await
    };
    let check = |connection: HubConnection| is_send(call(connection));
    let _ = check;
}
