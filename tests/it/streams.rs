//! Streams in both directions.

use async_stream::stream;
use futures_util::{Stream, StreamExt, stream};
use serde_json::json;
use signalr::{HubError, HubServer, Receiver, hub};

use crate::support::{Log, Peer, settle};

struct Streams(Log);

#[hub]
impl Streams {
    pub fn count(&self, to: u32) -> impl Stream<Item = u32> {
        stream! {
            for number in 0..to {
                yield number;
            }
            self.0.note("counted");
        }
    }

    pub fn forever(&self) -> impl Stream<Item = u32> {
        let end = self.0.on_drop("dropped");
        stream::pending().chain(stream::once(async move {
            drop(end);
            0
        }))
    }

    pub fn breaks(&self) -> impl Stream<Item = Result<u32, HubError>> {
        stream::iter([Ok(1), Err(HubError::new("torn")), Ok(2)])
    }

    pub fn refuses(&self) -> Result<impl Stream<Item = u32>, HubError> {
        Err::<stream::Empty<u32>, _>(HubError::new("no stream"))
    }

    pub async fn sum(&self, start: u64, mut numbers: Receiver<u64>) -> Result<u64, HubError> {
        let mut sum = start;
        while let Some(number) = numbers.recv().await {
            match number {
                Ok(number) => sum += number,
                Err(error) => {
                    self.0.note(error.to_string());
                    return Err(error.into());
                }
            }
        }
        Ok(sum)
    }

    pub fn plain(&self) -> u32 {
        1
    }
}

async fn connect() -> (Peer, Log) {
    let log = Log::default();
    (
        Peer::connect(&HubServer::new(Streams(log.clone()))).await,
        log,
    )
}

#[apply(both_encodings)]
async fn items_come_in_order_and_one_completion_behind_them() {
    let (mut peer, log) = connect().await;
    peer.send(r#"{"type":4,"invocationId":"s","target":"count","arguments":[3]}"#)
        .await;
    for item in 0..3 {
        let expected = format!(r#"{{"type":2,"invocationId":"s","item":{item}}}"#);
        assert_eq!(peer.text().await, expected);
    }
    assert_eq!(peer.text().await, r#"{"type":3,"invocationId":"s"}"#);
    assert_eq!(log.all(), ["counted"]);
}

#[apply(both_encodings)]
async fn a_cancelled_stream_is_dropped_at_once_and_completed() {
    let (mut peer, log) = connect().await;
    peer.send(r#"{"type":4,"invocationId":"s","target":"forever","arguments":[]}"#)
        .await;
    settle().await;
    assert!(log.all().is_empty());
    peer.send(r#"{"type":5,"invocationId":"s"}"#).await;
    assert_eq!(peer.text().await, r#"{"type":3,"invocationId":"s"}"#);
    assert_eq!(log.all(), ["dropped"]);
}

#[apply(both_encodings)]
async fn a_stream_ends_with_its_connection() {
    let (mut peer, log) = connect().await;
    peer.send(r#"{"type":4,"invocationId":"s","target":"forever","arguments":[]}"#)
        .await;
    settle().await;
    peer.leave().await;
    assert_eq!(log.all(), ["dropped"]);
}

#[apply(both_encodings)]
async fn an_error_in_the_middle_comes_behind_the_items_before_it() {
    let (mut peer, _) = connect().await;
    peer.send(r#"{"type":4,"invocationId":"s","target":"breaks","arguments":[]}"#)
        .await;
    assert_eq!(
        peer.text().await,
        r#"{"type":2,"invocationId":"s","item":1}"#
    );
    assert_eq!(
        peer.text().await,
        r#"{"type":3,"invocationId":"s","error":"An error occurred on the server while streaming results. HubException: torn"}"#
    );
    peer.expect_silence().await;
}

#[apply(both_encodings)]
async fn an_error_before_the_stream_is_an_error_of_the_call() {
    let (mut peer, _) = connect().await;
    peer.send(r#"{"type":4,"invocationId":"s","target":"refuses","arguments":[]}"#)
        .await;
    assert_eq!(
        peer.json().await["error"],
        "An unexpected error occurred invoking 'refuses' on the server. HubException: no stream"
    );
}

#[apply(both_encodings)]
async fn the_kind_of_call_must_fit_the_method() {
    let (mut peer, log) = connect().await;
    peer.send(r#"{"type":4,"invocationId":"s","target":"plain","arguments":[]}"#)
        .await;
    assert_eq!(
        peer.json().await["error"],
        "The client attempted to invoke the non-streaming 'plain' method with a streaming invocation."
    );
    peer.call("i", "count", json!([1])).await;
    assert_eq!(
        peer.json().await["error"],
        "The client attempted to invoke the streaming 'count' method with a non-streaming invocation."
    );
    peer.tell("count", json!([1])).await;
    peer.expect_silence().await;
    assert!(
        log.all().is_empty(),
        "a streaming method without an id does not run"
    );
}

#[apply(both_encodings)]
async fn an_id_of_a_running_stream_is_refused_and_the_first_goes_on() {
    let (mut peer, log) = connect().await;
    for _ in 0..2 {
        peer.send(r#"{"type":4,"invocationId":"s","target":"forever","arguments":[]}"#)
            .await;
    }
    assert_eq!(
        peer.json().await["error"],
        "Invocation ID 's' is already in use."
    );
    peer.send(r#"{"type":5,"invocationId":"s"}"#).await;
    assert_eq!(peer.text().await, r#"{"type":3,"invocationId":"s"}"#);
    assert_eq!(log.all(), ["dropped"], "the refused one was never started");
}

#[apply(both_encodings)]
async fn streams_are_limited_per_connection() {
    let (mut peer, _) = connect().await;
    for id in 0..5_000 {
        let call =
            format!(r#"{{"type":4,"invocationId":"{id}","target":"forever","arguments":[]}}"#);
        peer.send(&call).await;
        if id >= 100 {
            let error = peer.json().await["error"].to_string();
            assert!(
                error.contains("More than 100 streams at once are not allowed."),
                "{error}"
            );
        }
    }
}

#[apply(both_encodings)]
async fn an_upload_is_read_item_by_item() {
    let (mut peer, _) = connect().await;
    peer.send(r#"{"type":1,"invocationId":"i","target":"sum","arguments":[10],"streamIds":["u"]}"#)
        .await;
    for item in 0..100 {
        peer.send(&format!(r#"{{"type":2,"invocationId":"u","item":{item}}}"#))
            .await;
    }
    peer.send(r#"{"type":3,"invocationId":"u"}"#).await;
    assert_eq!(peer.completion("i").await, 10 + 4_950);
}

#[apply(both_encodings)]
async fn an_upload_may_fail_or_break_off() {
    let (mut peer, log) = connect().await;
    let call = r#"{"type":1,"invocationId":"i","target":"sum","arguments":[0],"streamIds":["u"]}"#;
    peer.send(call).await;
    peer.send(r#"{"type":3,"invocationId":"u","error":"lost it"}"#)
        .await;
    assert!(peer.completion("i").await["error"].is_string());
    peer.send(call).await;
    peer.send(r#"{"type":2,"invocationId":"u","item":"no number"}"#)
        .await;
    assert!(peer.completion("i").await["error"].is_string());
    assert_eq!(log.all()[0], "lost it");
}

#[apply(both_encodings)]
async fn the_number_of_uploads_must_fit() {
    let (mut peer, _) = connect().await;
    peer.call("i", "sum", json!([1])).await;
    assert_eq!(
        peer.json().await["error"],
        "An unexpected error occurred invoking 'sum' on the server. HubException: Client sent 0 stream(s), Hub method expects 1."
    );
}
