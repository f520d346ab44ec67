//! Cancelled calls: dropped, or told through their token.

use std::time::Duration;

use futures_util::Stream;
use serde_json::json;
use signalr::{CancellationToken, HubError, HubServer, HubServerBuilder, Receiver, hub};

use crate::support::{Log, Peer, settle};

#[derive(Clone, Default)]
struct Work {
    log: Log,
}

#[hub]
impl Work {
    /// Works for ever, and notices that it is dropped.
    pub async fn toil(&self) {
        let _dropped = self.log.on_drop("toil dropped");
        std::future::pending::<()>().await;
    }

    pub async fn careful(&self, amount: u32, token: CancellationToken) -> Result<u32, HubError> {
        let _dropped = self.log.on_drop("careful ended");
        tokio::select! {
            () = token.cancelled() => {
                self.log.note("told");
                Ok(amount)
            }
            () = tokio::time::sleep(Duration::from_secs(60)) => Err(HubError::new("never told")),
        }
    }

    pub async fn collect(&self, items: Receiver<u32>) -> u32 {
        let _dropped = self.log.on_drop("collect dropped");
        let _items = items;
        std::future::pending().await
    }

    pub fn stream(&self, token: CancellationToken) -> impl Stream<Item = u32> + use<> {
        self.watch(token);
        futures_util::stream::pending()
    }

    pub async fn quick(&self, token: CancellationToken) -> u8 {
        self.watch(token);
        1
    }

    fn watch(&self, token: CancellationToken) {
        let log = self.log.clone();
        tokio::spawn(async move {
            token.cancelled().await;
            log.note("elsewhere told");
        });
    }
}

fn builder(hub: &Work) -> HubServerBuilder<Work> {
    HubServer::builder(hub.clone())
}

async fn connect(hub: &Work) -> Peer {
    Peer::connect(&builder(hub).build().expect("valid")).await
}

async fn cancel(peer: &mut Peer, id: &str) {
    peer.send(&json!({"type": 5, "invocationId": id}).to_string())
        .await;
}

const CANCELED: &str = "An unexpected error occurred invoking 'toil' on the server.";

#[apply(both_encodings)]
async fn a_cancelled_call_is_dropped_and_answered_once() {
    let hub = Work::default();
    let mut peer = connect(&hub).await;
    peer.call("1", "toil", json!([])).await;
    settle().await;
    cancel(&mut peer, "1").await;
    assert_eq!(peer.completion("1").await, json!({ "error": CANCELED }));
    assert_eq!(hub.log.all(), ["toil dropped"]);
    cancel(&mut peer, "1").await;
    peer.expect_silence().await;
}

#[apply(both_encodings)]
async fn detailed_errors_say_that_it_was_cancelled() {
    let hub = Work::default();
    let server = builder(&hub).detailed_errors(true).build().expect("valid");
    let mut peer = Peer::connect(&server).await;
    peer.call("1", "toil", json!([])).await;
    cancel(&mut peer, "1").await;
    let text = format!("{CANCELED} OperationCanceledException: The operation was canceled.");
    assert_eq!(peer.completion("1").await, json!({ "error": text }));
}

#[apply(both_encodings)]
async fn a_call_that_waits_for_its_turn_never_starts() {
    let hub = Work::default();
    let mut peer = connect(&hub).await;
    peer.call("1", "toil", json!([])).await;
    peer.call("2", "quick", json!([])).await;
    cancel(&mut peer, "2").await;
    let error = "An unexpected error occurred invoking 'quick' on the server.";
    assert_eq!(peer.completion("2").await, json!({ "error": error }));
    // The turn of the next comes when the first is cancelled.
    peer.call("3", "quick", json!([])).await;
    peer.expect_silence().await;
    cancel(&mut peer, "1").await;
    peer.completion("1").await;
    assert_eq!(peer.completion("3").await, 1);
}

#[apply(both_encodings)]
async fn a_call_that_takes_a_token_is_told_and_answers_what_it_likes() {
    let hub = Work::default();
    let mut peer = connect(&hub).await;
    peer.call("1", "careful", json!([7])).await;
    settle().await;
    cancel(&mut peer, "1").await;
    assert_eq!(peer.completion("1").await, 7);
    assert_eq!(hub.log.all(), ["told", "careful ended"]);
}

#[apply(both_encodings)]
async fn a_token_is_no_argument() {
    let hub = Work::default();
    let server = builder(&hub).detailed_errors(true).build().expect("valid");
    let mut peer = Peer::connect(&server).await;
    let answer = peer.invoke("careful", json!([7, "token"])).await;
    let text = "Failed to invoke 'careful' due to an error on the server. \
        InvalidDataException: Invocation provides 2 argument(s) but target expects 1.";
    assert_eq!(answer, json!({ "error": text }));
}

#[apply(both_encodings)]
async fn a_cancelled_upload_call_is_dropped_and_its_items_ignored() {
    let hub = Work::default();
    let mut peer = connect(&hub).await;
    peer.upload("1", "collect", json!([]), &["u"]).await;
    peer.item("u", json!(1)).await;
    cancel(&mut peer, "1").await;
    let error = "An unexpected error occurred invoking 'collect' on the server.";
    assert_eq!(peer.completion("1").await, json!({ "error": error }));
    assert_eq!(hub.log.all(), ["collect dropped"]);
    peer.item("u", json!(2)).await;
    peer.end_of("u").await;
    peer.expect_silence().await;
}

#[apply(both_encodings)]
async fn a_cancelled_stream_is_dropped_and_its_token_fires() {
    let hub = Work::default();
    let mut peer = connect(&hub).await;
    let call = json!({"type": 4, "invocationId": "1", "target": "stream", "arguments": []});
    peer.send(&call.to_string()).await;
    settle().await;
    cancel(&mut peer, "1").await;
    assert_eq!(peer.text().await, r#"{"type":3,"invocationId":"1"}"#);
    settle().await;
    assert_eq!(hub.log.all(), ["elsewhere told"]);
}

#[apply(both_encodings)]
async fn the_end_of_the_connection_fires_tokens_and_the_end_of_a_call_does_not() {
    let hub = Work::default();
    let mut peer = connect(&hub).await;
    assert_eq!(peer.invoke("quick", json!([])).await, 1);
    settle().await;
    assert_eq!(hub.log.all(), [""; 0]);
    let call = json!({"type": 4, "invocationId": "1", "target": "stream", "arguments": []});
    peer.send(&call.to_string()).await;
    settle().await;
    peer.leave().await;
    settle().await;
    assert_eq!(hub.log.all(), ["elsewhere told"]);
}

#[apply(both_encodings)]
async fn a_call_without_id_cannot_be_cancelled() {
    let hub = Work::default();
    let mut peer = connect(&hub).await;
    peer.tell("toil", json!([])).await;
    cancel(&mut peer, "0").await;
    let refused = r#"{"type":5,"invocationId":"1"}"#;
    peer.send(refused).await;
    peer.expect_silence().await;
    assert_eq!(hub.log.all(), [""; 0]);
}
