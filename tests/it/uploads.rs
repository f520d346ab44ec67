//! Uploads: items that a client streams to a hub method.

use std::sync::Arc;

use futures_util::{Stream, StreamExt};
use serde_json::{Value, json};
use signalr::{HubError, HubServer, HubServerBuilder, Receiver, hub};
use tokio::sync::{Semaphore, mpsc};

use crate::support::{Log, Peer, settle};

#[derive(Clone)]
struct Uploads {
    log: Log,
    gate: Arc<Semaphore>,
}

impl Uploads {
    fn new() -> Self {
        Self {
            log: Log::default(),
            gate: Arc::new(Semaphore::new(0)),
        }
    }

    async fn pass(&self) {
        self.gate.acquire().await.expect("the gate stays").forget();
    }
}

#[hub]
impl Uploads {
    /// Reads one item each time the gate opens.
    pub async fn slow(&self, mut items: Receiver<u32>) -> Result<u32, HubError> {
        self.log.note("started");
        let mut sum = 0;
        loop {
            self.pass().await;
            let Some(item) = items.recv().await else {
                return Ok(sum);
            };
            self.log.note("read");
            sum += item?;
        }
    }

    pub async fn list(&self, items: Receiver<Value>) -> Vec<Value> {
        let text = |item: Result<Value, signalr::Error>| match item {
            Ok(item) => item,
            Err(error) => json!(["failed", error.remote_message(), error.is_serialization()]),
        };
        items.map(text).collect().await
    }

    pub async fn numbers(&self, items: Receiver<u8>) -> Vec<Option<u8>> {
        items.map(Result::ok).collect().await
    }

    /// Does not read at all.
    pub fn early(&self, _items: Receiver<u32>) -> u8 {
        7
    }

    pub async fn of_tokio(&self, mut items: mpsc::Receiver<u32>) -> u32 {
        let mut sum = 0;
        while let Some(item) = items.recv().await {
            sum += item;
        }
        sum
    }

    /// Pairs two uploads into a stream.
    pub fn pairs(
        &self,
        factor: u32,
        left: Receiver<u32>,
        right: Receiver<String>,
    ) -> impl Stream<Item = (u32, String)> + use<> {
        let value = move |(left, right): (Result<u32, _>, Result<String, _>)| {
            std::future::ready(left.ok().map(|left| left * factor).zip(right.ok()))
        };
        left.zip(right).filter_map(value)
    }

    pub async fn between(
        &self,
        a: Option<u8>,
        items: Receiver<u32>,
        b: Option<u8>,
    ) -> (Option<u8>, usize, Option<u8>) {
        (a, items.count().await, b)
    }

    pub fn fine(&self) -> u8 {
        1
    }
}

async fn connect(hub: &Uploads) -> Peer {
    Peer::connect(&builder(hub).build().expect("valid")).await
}

fn builder(hub: &Uploads) -> HubServerBuilder<Uploads> {
    HubServer::builder(hub.clone())
}

#[apply(both_encodings)]
async fn the_method_starts_before_the_first_item() {
    let hub = Uploads::new();
    let mut peer = connect(&hub).await;
    peer.upload("1", "slow", json!([]), &["u"]).await;
    settle().await;
    assert_eq!(hub.log.all(), ["started"]);
}

#[apply(both_encodings)]
async fn the_client_may_end_an_upload_with_an_error_or_a_result() {
    let mut peer = connect(&Uploads::new()).await;
    for (end, expected) in [
        (r#"{"type":3,"invocationId":"u"}"#, json!([1, null])),
        (
            r#"{"type":3,"invocationId":"u","result":9}"#,
            json!([1, null]),
        ),
        (
            r#"{"type":3,"invocationId":"u","error":"lost it"}"#,
            json!([1, null, ["failed", "lost it", false]]),
        ),
    ] {
        peer.upload("1", "list", json!([]), &["u"]).await;
        peer.item("u", json!(1)).await;
        peer.item("u", json!(null)).await;
        peer.send(end).await;
        assert_eq!(peer.completion("1").await, expected, "{end}");
    }
}

#[apply(both_encodings)]
async fn an_item_that_does_not_fit_ends_the_upload_and_keeps_the_connection() {
    let mut peer = connect(&Uploads::new()).await;
    peer.upload("1", "numbers", json!([]), &["u"]).await;
    for item in [json!(1), json!(256), json!(2)] {
        peer.item("u", item).await;
    }
    peer.end_of("u").await;
    assert_eq!(peer.completion("1").await, json!([1, null]));
    peer.expect_silence().await;
}

#[apply(both_encodings)]
async fn items_of_an_upload_that_has_ended_are_ignored() {
    let mut peer = connect(&Uploads::new()).await;
    peer.upload("1", "early", json!([]), &["u"]).await;
    assert_eq!(peer.completion("1").await, 7);
    for item in 0..100 {
        peer.item("u", json!(item)).await;
    }
    peer.end_of("u").await;
    peer.item("u", json!("whatever")).await;
    peer.expect_silence().await;
    assert_eq!(peer.invoke("fine", json!([])).await, 1);
}

#[apply(both_encodings)]
async fn tokios_receiver_will_do() {
    let mut peer = connect(&Uploads::new()).await;
    peer.upload("1", "ofTokio", json!([]), &["u"]).await;
    peer.item("u", json!(40)).await;
    peer.item("u", json!(2)).await;
    peer.end_of("u").await;
    assert_eq!(peer.completion("1").await, 42);
}

#[apply(both_encodings)]
async fn two_uploads_and_a_result_stream_run_in_one_call() {
    let mut peer = connect(&Uploads::new()).await;
    peer.send(
        r#"{"type":4,"invocationId":"s","target":"pairs","arguments":[10],"streamIds":["l","r"]}"#,
    )
    .await;
    for number in 0..5 {
        peer.item("r", json!(format!("r{number}"))).await;
    }
    for number in 0..3 {
        peer.item("l", json!(number)).await;
        let expected = format!(
            r#"{{"type":2,"invocationId":"s","item":[{},"r{number}"]}}"#,
            number * 10
        );
        assert_eq!(peer.text().await, expected);
    }
    peer.end_of("l").await;
    assert_eq!(peer.text().await, r#"{"type":3,"invocationId":"s"}"#);
}

#[apply(both_encodings)]
async fn uploads_are_no_arguments_and_nulls_bind_around_them() {
    let server = builder(&Uploads::new()).detailed_errors(true);
    let mut peer = Peer::connect(&server.build().expect("valid")).await;
    for (arguments, expected) in [
        (json!([null, 2]), json!([null, 1, 2])),
        (json!([1, null]), json!([1, 1, null])),
        (json!([null, null]), json!([null, 1, null])),
    ] {
        peer.upload("1", "between", arguments, &["u"]).await;
        peer.item("u", json!(1)).await;
        peer.end_of("u").await;
        assert_eq!(peer.completion("1").await, expected);
    }
    peer.upload("1", "between", json!([1, 2, 3]), &["u"]).await;
    let expected = "Failed to invoke 'between' due to an error on the server. InvalidDataException: Invocation provides 3 argument(s) but target expects 2.";
    assert_eq!(peer.completion("1").await, json!({ "error": expected }));
}

#[apply(both_encodings)]
async fn a_wrong_number_of_uploads_is_an_error_of_the_call() {
    let mut peer = connect(&Uploads::new()).await;
    for (method, sent, expected) in [
        ("slow", &[][..], 1),
        ("slow", &["a", "b"], 1),
        ("fine", &["a"], 0),
    ] {
        peer.upload("1", method, json!([]), sent).await;
        let count = sent.len();
        let text = format!(
            "An unexpected error occurred invoking '{method}' on the server. HubException: Client sent {count} stream(s), Hub method expects {expected}."
        );
        assert_eq!(peer.completion("1").await, json!({ "error": text }));
        // Its items go nowhere.
        peer.item("a", json!(1)).await;
        peer.expect_silence().await;
    }
}

#[apply(both_encodings)]
async fn a_call_without_id_may_upload() {
    let hub = Uploads::new();
    let mut peer = connect(&hub).await;
    hub.gate.add_permits(100);
    peer.send(r#"{"type":1,"target":"slow","arguments":[],"streamIds":["u"]}"#)
        .await;
    peer.item("u", json!(1)).await;
    peer.end_of("u").await;
    settle().await;
    assert_eq!(hub.log.all(), ["started", "read"]);
    peer.expect_silence().await;
}
