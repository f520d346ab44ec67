//! Calls that are given up while they wait for room in the queue.

use std::{
    future::poll_fn,
    pin::{Pin, pin},
    task::Poll,
    time::Duration,
};

use futures_util::stream;
use signalr::{HubConnection, upload};
use tokio::task::JoinHandle;

use crate::support::{Actor, PROTOCOLS, Stage, settle};

const AFTER: &str = r#"{"type":1,"target":"after","arguments":[]}"#;

/// A client whose queue takes one message, and its server's end.
async fn narrow(protocol: signalr::HubProtocol) -> (HubConnection, Actor) {
    let (mut stage, builder) = Stage::of(protocol);
    Stage::connected(builder.send_queue_limit(1), &mut stage).await
}

/// Sends more than the server takes before it reads: whatever follows waits in line.
async fn fill(connection: &HubConnection) -> Vec<JoinHandle<()>> {
    let fill = || {
        let connection = connection.clone();
        tokio::spawn(async move {
            let sent = connection.send("fill", ("x".repeat(60_000),)).await;
            sent.expect("open");
        })
    };
    let filling = (0..3).map(|_| fill()).collect();
    settle().await;
    filling
}

/// The next message that fills nothing.
async fn hear(actor: &mut Actor) -> String {
    loop {
        let heard = actor.hear_call().await;
        if !heard.contains(r#""target":"fill""#) {
            return heard;
        }
    }
}

/// Has a call do what it can now, which must not be all.
async fn begin(call: &mut (impl Future + Unpin)) {
    let polled = poll_fn(|cx| Poll::Ready(Pin::new(&mut *call).poll(cx))).await;
    assert!(polled.is_pending());
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_given_up_before_it_is_queued_leaves_no_trace() {
    for protocol in PROTOCOLS {
        let (connection, mut actor) = narrow(protocol).await;
        let endless = || upload(stream::pending::<u32>());
        let filling = fill(&connection).await;
        let second = Duration::from_secs(1);
        for is_polled in [true, false] {
            let invoking = connection.invoke::<()>("never", (endless(),));
            let sending = connection.send("never", (endless(),));
            let streaming = connection.stream::<()>("never", (endless(),));
            if is_polled {
                let given_up = tokio::join!(
                    tokio::time::timeout(second, invoking),
                    tokio::time::timeout(second, sending),
                    tokio::time::timeout(second, streaming),
                );
                assert!(given_up.0.is_err() && given_up.1.is_err() && given_up.2.is_err());
            }
        }
        let mut after = pin!(connection.send("after", ()));
        begin(&mut after).await;
        for _ in &filling {
            assert!(actor.hear_call().await.contains("fill"));
        }
        after.await.expect("open");
        assert_eq!(actor.hear_call().await, AFTER);
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_cannot_be_written_says_nothing_of_its_uploads() {
    struct Unwritable;
    impl serde::Serialize for Unwritable {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("on purpose"))
        }
    }
    for protocol in PROTOCOLS {
        let (connection, mut actor) = narrow(protocol).await;
        let texts = upload(stream::iter(["one"]));
        let called = connection.invoke::<()>("never", (Unwritable, texts)).await;
        called.expect_err("it cannot be written");
        connection.send("after", ()).await.expect("open");
        assert_eq!(actor.hear_call().await, AFTER);
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_given_up_when_it_is_just_queued_is_cancelled() {
    for protocol in PROTOCOLS {
        let (connection, mut actor) = narrow(protocol).await;
        fill(&connection).await;
        let endless = upload(stream::pending::<u32>());
        let mut call = Box::pin(connection.invoke::<()>("asked", (endless,)));
        begin(&mut call).await;
        assert_eq!(
            hear(&mut actor).await,
            r#"{"type":1,"invocationId":"2","target":"asked","arguments":[],"streamIds":["1"]}"#
        );
        // It has not learnt of that.
        drop(call);
        let mut ends = [actor.hear_call().await, actor.hear_call().await];
        ends.sort();
        assert_eq!(
            ends,
            [
                r#"{"type":3,"invocationId":"1","error":"Stream canceled by client."}"#,
                r#"{"type":5,"invocationId":"2"}"#
            ]
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_upload_has_one_end_whenever_its_call_is_given_up() {
    for protocol in PROTOCOLS {
        for (is_queued, end) in [
            (true, r#"{"type":3,"invocationId":"1"}"#),
            (
                false,
                r#"{"type":3,"invocationId":"1","error":"Stream canceled by client."}"#,
            ),
        ] {
            let (connection, mut actor) = narrow(protocol).await;
            let nothing = upload(stream::empty::<u32>());
            let mut call = Box::pin(connection.invoke::<()>("collect", (nothing,)));
            // The end waits in line behind the call.
            begin(&mut call).await;
            if is_queued {
                settle().await;
            }
            drop(call);
            connection.send("after", ()).await.expect("open");
            assert_eq!(
                actor.hear_call().await,
                r#"{"type":1,"invocationId":"2","target":"collect","arguments":[],"streamIds":["1"]}"#
            );
            let mut heard = [actor.hear_call().await, actor.hear_call().await];
            heard.sort();
            assert_eq!(heard, [end, r#"{"type":5,"invocationId":"2"}"#]);
            assert_eq!(actor.hear_call().await, AFTER);
        }
    }
}
