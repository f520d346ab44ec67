//! Messages that mean nothing to the server, and must cost nothing.

use serde_json::json;
use signalr::{HubServer, hub};

use crate::support::Peer;

struct Echo;

#[hub]
impl Echo {
    pub fn say(&self, text: &str) -> String {
        text.to_owned()
    }
}

/// Each of these is swallowed in silence, and the next call is answered; also when all come in one write with the call.
async fn ignores(messages: &[&str]) {
    for unlimited in [false, true] {
        let mut server = HubServer::builder(Echo);
        if unlimited {
            server = server.unlimited_receive_size();
        }
        let server = server.build().expect("valid");
        let mut peer = Peer::connect(&server).await;
        for message in messages {
            peer.send(message).await;
            peer.expect_silence().await;
            assert_eq!(peer.invoke("say", json!(["hi"])).await, "hi", "{message}");
        }
        let call = r#"{"type":1,"invocationId":"last","target":"say","arguments":["x"]}"#;
        peer.send_all(&[messages, &[call]].concat()).await;
        assert_eq!(peer.completion("last").await, "x");
    }
}

#[apply(both_encodings)]
async fn unknown_message_types_are_skipped() {
    ignores(&[
        r#"{"type":0}"#,
        r#"{"type":10}"#,
        r#"{"type":-1}"#,
        r#"{"type":2147483647}"#,
        r#"{"type":42,"whatever":[{}]}"#,
        r#"{"whatever":"\u001e","type":99,"target":"say","arguments":["no"],"invocationId":"1"}"#,
    ])
    .await;
}

#[apply(both_encodings)]
async fn unknown_ids_are_skipped() {
    ignores(&[
        r#"{"type":2,"invocationId":"nobody","item":1}"#,
        r#"{"item":1,"invocationId":"nobody","type":2}"#,
        r#"{"type":2,"invocationId":"nobody","item":null}"#,
        r#"{"type":3,"invocationId":"nobody"}"#,
        r#"{"type":3,"invocationId":"nobody","result":1}"#,
        r#"{"result":1,"type":3,"invocationId":"nobody"}"#,
        r#"{"type":3,"invocationId":"nobody","error":"x"}"#,
        r#"{"type":3,"invocationId":"s1","result":null}"#,
        r#"{"type":5,"invocationId":"nobody"}"#,
        r#"{"type":5,"headers":{"Foo":"Bar"},"invocationId":"s1"}"#,
    ])
    .await;
}

#[apply(both_encodings)]
async fn acks_and_sequences_are_skipped() {
    ignores(&[
        r#"{"type":8,"sequenceId":1}"#,
        r#"{"type":8,"sequenceId":102020}"#,
        r#"{"type":8,"sequenceId":9223372036854775807}"#,
        r#"{"type":8,"sequenceId":-1}"#,
        r#"{"type":9,"sequenceId":-9223372036854775808}"#,
        r#"{"type":9,"sequenceId":98764321}"#,
        r#"{"sequenceId":0,"type":9}"#,
    ])
    .await;
}

#[tokio::test(start_paused = true)]
async fn pings_are_not_answered() {
    ignores(&[
        r#"{"type":6}"#,
        r#" { "type" : 6 } "#,
        r#"{"type":6,"target":"say","arguments":["x"],"invocationId":"1"}"#,
        r#"{"type":6}{"type":7}"#,
        r#"{"type":6} and so on"#,
    ])
    .await;
}

#[tokio::test(start_paused = true)]
async fn unknown_properties_of_any_shape_are_skipped() {
    let mut peer = Peer::connect(&HubServer::new(Echo)).await;
    for unknown in [
        r#""extraParameter":"1""#,
        r#""x":null"#,
        r#""x":{"type":7,"target":[1]}"#,
        r#""Target":"no","TYPE":7,"Arguments":null"#,
        r#""item":1,"allowReconnect":true,"sequenceId":5"#,
        r#""headers":{}"#,
        r#""headers":{"traceparent":"00-x","Foo":"Bar","Foo":"Baz"}"#,
        r#""streamIds":[]"#,
        r#""":1"#,
    ] {
        peer.send(&format!(
            r#"{{{unknown},"type":1,"invocationId":"1","target":"say","arguments":["hi"]}}"#
        ))
        .await;
        assert_eq!(peer.completion("1").await, "hi", "{unknown}");
        peer.send(&format!(
            r#"{{"type":1,"invocationId":"2","target":"say","arguments":["hi"],{unknown}}}"#
        ))
        .await;
        assert_eq!(peer.completion("2").await, "hi", "{unknown}");
    }
}

#[apply(both_encodings)]
async fn a_hundred_thousand_cancels_of_nothing_are_forgotten() {
    let mut peer = Peer::connect(&HubServer::new(Echo)).await;
    for batch in 0..100 {
        let cancels: Vec<_> = (0..1_000)
            .map(|n| format!(r#"{{"type":5,"invocationId":"{batch}-{n}"}}"#))
            .collect();
        let cancels: Vec<_> = cancels.iter().map(String::as_str).collect();
        peer.send_all(&cancels).await;
    }
    assert_eq!(peer.invoke("say", json!(["hi"])).await, "hi");
}
