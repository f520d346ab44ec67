//! What official clients of other languages put on the wire, byte for byte.

use futures_util::{Stream, StreamExt};
use serde_json::{Value, json};
use signalr::{Context, HubError, HubServer, Receiver, hub};

use crate::support::Peer;

pub struct Foreign;

#[hub]
impl Foreign {
    pub fn echo(&self, value: Value) -> Value {
        value
    }

    pub fn pair(&self, a: Value, b: Value) -> (Value, Value) {
        (a, b)
    }

    pub fn counter(&self, to: u32) -> impl Stream<Item = u32> + use<> {
        futures_util::stream::iter(0..to)
    }

    pub fn endless(&self) -> impl Stream<Item = u32> + use<> {
        futures_util::stream::pending()
    }

    pub async fn sum(&self, numbers: Receiver<u32>) -> Result<u32, HubError> {
        let mut sum = 0;
        let mut numbers = numbers;
        while let Some(number) = numbers.next().await {
            sum += number.map_err(HubError::new)?;
        }
        Ok(sum)
    }

    pub async fn ask(&self, cx: &Context<Self>) -> Result<Value, HubError> {
        let answer = cx.clients().caller().invoke::<Value>("ask", ()).await;
        answer.map_err(HubError::new)
    }
}

/// Sends frames, and expects exactly these.
async fn talk(sent: &[&str], expected: &[&str]) {
    let mut peer = Peer::connect(&HubServer::new(Foreign)).await;
    for frame in sent {
        peer.send(frame).await;
    }
    for frame in expected {
        assert_eq!(peer.text().await, *frame);
    }
    peer.expect_silence().await;
}

#[tokio::test(start_paused = true)]
async fn calls_of_the_javascript_client() {
    talk(
        &[
            r#"{"target":"Echo","arguments":["hi"],"invocationId":"0","type":1}"#,
            r#"{"target":"Echo","arguments":["hi"],"type":1}"#,
            r#"{"target":"Counter","arguments":[2],"invocationId":"2","type":4}"#,
        ],
        &[
            r#"{"type":3,"invocationId":"0","result":"hi"}"#,
            r#"{"type":2,"invocationId":"2","item":0}"#,
            r#"{"type":2,"invocationId":"2","item":1}"#,
            r#"{"type":3,"invocationId":"2"}"#,
        ],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn uploads_of_the_javascript_client() {
    talk(
        &[
            r#"{"target":"Sum","arguments":[],"invocationId":"1","streamIds":["0"],"type":1}"#,
            r#"{"invocationId":"0","item":40,"type":2}"#,
            r#"{"invocationId":"0","item":2,"type":2}"#,
            r#"{"invocationId":"0","type":3}"#,
        ],
        &[r#"{"type":3,"invocationId":"1","result":42}"#],
    )
    .await;
    talk(
        &[
            r#"{"target":"Sum","arguments":[],"invocationId":"1","streamIds":["0"],"type":1}"#,
            r#"{"error":"boom","invocationId":"0","type":3}"#,
        ],
        &[r#"{"type":3,"invocationId":"1","error":"An unexpected error occurred invoking 'Sum' on the server. HubException: boom"}"#],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_cancel_of_the_javascript_client() {
    talk(
        &[
            r#"{"target":"Endless","arguments":[],"invocationId":"2","type":4}"#,
            r#"{"invocationId":"2","type":5}"#,
        ],
        &[r#"{"type":3,"invocationId":"2"}"#],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn answers_of_the_javascript_client() {
    for (answer, completion) in [
        (
            r#"{"invocationId":"s1","result":"Ada","type":3}"#,
            r#"{"type":3,"invocationId":"1","result":"Ada"}"#,
        ),
        (
            r#"{"error":"boom","invocationId":"s1","type":3}"#,
            r#"{"type":3,"invocationId":"1","error":"An unexpected error occurred invoking 'ask' on the server. HubException: boom"}"#,
        ),
    ] {
        talk(
            &[
                r#"{"target":"ask","arguments":[],"invocationId":"1","type":1}"#,
                answer,
            ],
            &[
                r#"{"type":1,"invocationId":"s1","target":"ask","arguments":[]}"#,
                completion,
            ],
        )
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn messages_with_white_space_headers_and_foreign_properties() {
    talk(
        &[
            r#"{ "arguments": [1,2], "type":1, "target": "Pair", "invocationId": "1" }"#,
            r#"{ "type":4, "arguments": [1], "target": "Counter", "invocationId": "3" }"#,
            r#"{"type":1,"headers":{"Foo":"Bar","KeyWith\nNew\r\nLines":"Still Works","ValueWithNewLines":"Also\nWorks\r\nFine"},"invocationId":"123","target":"pair","arguments":[1,"Foo"]}"#,
            r#"{"type":1,"invocationId":"42","target":"echo","arguments":[0],"extraParameter":"1"}"#,
            r#"{"type":1,"invocationId":"43","target":"echo","arguments":[0],"streamIds":[]}"#,
            r#"{"type":3, "invocationId": "abc", "result": null, "headers": {}, "extraParameter":"value"}"#,
            r#"{"type":2, "invocationId": "abc", "headers": {"t": "u"}, "item": 8}"#,
            r#"{"type":3,"invocationId":"42","target":"foo","arguments":[],"result":"2007-03-01T13:00:00Z"}"#,
            r#"{"type":42,"whatever":[{}]}"#,
            r#"{"type":1,"target":"x","arguments":[]}"#,
            r#"{"type":1,"target":"echo","arguments":[42]}"#,
        ],
        &[
            r#"{"type":3,"invocationId":"1","result":[1,2]}"#,
            r#"{"type":2,"invocationId":"3","item":0}"#,
            r#"{"type":3,"invocationId":"3"}"#,
            r#"{"type":3,"invocationId":"123","result":[1,"Foo"]}"#,
            r#"{"type":3,"invocationId":"42","result":0}"#,
            r#"{"type":3,"invocationId":"43","result":0}"#,
        ],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn nested_collections_and_foreign_letters() {
    talk(
        &[
            r#"{"type":1,"invocationId":"1","target":"echo","arguments":[[{"one":["a","b"],"two":["\uBEEF","\uABCD"]},{"four":["^","*"],"three":["5","9"]}]]}"#,
            r#"{"type":1,"invocationId":"2","target":"echo","arguments":["מחרוזת כלשהי"]}"#,
            r#"{"type":1,"invocationId":"3","target":"echo","arguments":["2016-05-10T13:51:20+12:34"]}"#,
        ],
        &[
            r#"{"type":3,"invocationId":"1","result":[{"one":["a","b"],"two":["뻯","ꯍ"]},{"four":["^","*"],"three":["5","9"]}]}"#,
            r#"{"type":3,"invocationId":"2","result":"מחרוזת כלשהי"}"#,
            r#"{"type":3,"invocationId":"3","result":"2016-05-10T13:51:20+12:34"}"#,
        ],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_close_of_the_java_client() {
    let mut peer = Peer::connect(&HubServer::new(Foreign)).await;
    assert_eq!(peer.invoke("echo", json!([1])).await, 1);
    peer.send(r#"{"type":7,"allowReconnect":false}"#).await;
    peer.expect_close(r#"{"type":7}"#).await;
}
