//! Messages that break the protocol: the exact Close message, the end, and the reason for the hub.

use serde_json::json;
use signalr::{Connecting, Context, Error, HubError, HubServer, HubServerBuilder, hub};

use crate::support::{
    BROKEN, BROKEN_MESSAGEPACK, Encoding, Log, Peer,
    msgpack::{self, framed},
};

#[derive(Default)]
struct Watched(Log);

#[hub]
impl Watched {
    async fn on_connected(&self, _: &Connecting<Self>) -> Result<(), HubError> {
        Ok(())
    }

    async fn on_disconnected(&self, _: &Context<Self>, reason: Option<&Error>) {
        let reason = reason.expect("a reason");
        assert!(reason.is_protocol());
        self.0.note(format!("disconnected: {reason}"));
    }

    pub fn note(&self, text: &str) {
        self.0.note(text);
    }
}

fn builder(log: &Log) -> HubServerBuilder<Watched> {
    HubServer::builder(Watched(log.clone()))
}

/// Sends bytes that must end the connection with `detail` as the reason, details off and on.
async fn breaks(encoding: Encoding, bytes: &[u8], detail: &str) {
    let shown = match encoding {
        Encoding::Json => String::from_utf8_lossy(bytes).into_owned(),
        Encoding::MessagePack => format!("{bytes:x?}"),
    };
    for detailed in [false, true] {
        let log = Log::default();
        let server = builder(&log).detailed_errors(detailed).build();
        let server = server.expect("valid");
        let mut peer = Peer::connect_in(encoding, &server).await;
        peer.send_bytes(bytes).await;
        let mut error = "Connection closed with an error.".to_owned();
        if detailed {
            error = format!("{error} InvalidDataException: {detail}");
        }
        let error = json!(error);
        assert_eq!(
            peer.text().await,
            format!(r#"{{"type":7,"error":{error},"allowReconnect":true}}"#),
            "{shown}"
        );
        peer.expect_end().await;
        peer.leave().await;
        assert_eq!(log.all(), [format!("disconnected: {detail}")], "{shown}");
        assert_eq!(server.connection_count(), 0);
    }
}

fn frame(text: &str) -> Vec<u8> {
    format!("{text}\u{1e}").into_bytes()
}

#[tokio::test(start_paused = true)]
async fn every_malformed_message_ends_the_connection_with_its_text() {
    for (text, detail) in BROKEN {
        breaks(Encoding::Json, &frame(text), detail).await;
    }
}

/// The reference's vectors: id, body in hexadecimal, text.
const VECTORS_ME: &str = include_str!("../../signalr/src/protocol/msgpack/tests/errors.tsv");

#[tokio::test(start_paused = true)]
async fn every_malformed_messagepack_message_ends_the_connection_with_its_text() {
    let vectors = VECTORS_ME.lines().map(|line| {
        let columns: Vec<_> = line.split('\t').collect();
        (columns[1], columns[2])
    });
    for (hex, detail) in vectors.chain(BROKEN_MESSAGEPACK.iter().copied()) {
        let body = msgpack::bytes(hex);
        breaks(Encoding::MessagePack, &framed(&body), detail).await;
    }
}

#[tokio::test(start_paused = true)]
async fn lengths_beyond_two_gigabytes_end_the_connection() {
    for bytes in [
        &b"\xff\xff\xff\xff\xff"[..],
        b"\x80\x80\x80\x80\x08",
        b"\xff\xff\xff\xff\x08",
        b"\x80\x80\x80\x80\x80\x80",
    ] {
        let detail = "Messages over 2GB in size are not supported.";
        breaks(Encoding::MessagePack, bytes, detail).await;
    }
}

#[apply(both_encodings)]
async fn messages_in_front_of_a_malformed_one_are_handled_and_none_behind() {
    let encoding = Encoding::of_this_test();
    let (malformed, reason) = match encoding {
        Encoding::Json => (
            frame("42"),
            "Unexpected JSON Token Type 'Number'. Expected a JSON Object.",
        ),
        Encoding::MessagePack => (framed(b"\xc0"), "Error reading MessagePack."),
    };
    let log = Log::default();
    let server = builder(&log).build().expect("valid");
    let mut peer = Peer::connect(&server).await;
    let note = |text: &str| {
        encoding.frame(&format!(
            r#"{{"type":1,"invocationId":"{text}","target":"note","arguments":["{text}"]}}"#
        ))
    };
    let bytes = [note("1"), note("2"), malformed, note("3")];
    peer.send_bytes(&bytes.concat()).await;
    assert_eq!(peer.completion("1").await, json!(null));
    assert_eq!(peer.completion("2").await, json!(null));
    let close = r#"{"type":7,"error":"Connection closed with an error.","allowReconnect":true}"#;
    peer.expect_close(close).await;
    peer.leave().await;
    assert_eq!(log.all(), ["1", "2", &format!("disconnected: {reason}")]);
}

#[tokio::test(start_paused = true)]
async fn a_missing_type_is_not_taken_from_the_message_before() {
    let log = Log::default();
    let server = builder(&log).build().expect("valid");
    let mut peer = Peer::connect(&server).await;
    let first = r#"{"type":1,"invocationId":"1","target":"note","arguments":["1"]}"#;
    let second = r#"{"invocationId":"2","target":"note","arguments":["2"]}"#;
    peer.send_bytes(&[frame(first), frame(second)].concat())
        .await;
    assert_eq!(peer.completion("1").await, json!(null));
    let close = r#"{"type":7,"error":"Connection closed with an error.","allowReconnect":true}"#;
    peer.expect_close(close).await;
    peer.leave().await;
    assert_eq!(
        log.all(),
        ["1", "disconnected: Missing required property 'type'."]
    );
}

#[tokio::test(start_paused = true)]
async fn text_that_is_not_utf_8_ends_the_connection() {
    for bytes in [
        &b"\xff\x1e"[..],
        b"{\"type\":6,\"x\":\"\xc3\"}\x1e",
        b"{\"type\":6,\"x\":\"\xed\xa0\x80\"}\x1e",
        b"{\"type\":1,\"target\":\"note\",\"arguments\":[\"\x80\"]}\x1e",
    ] {
        breaks(Encoding::Json, bytes, "Error reading JSON.").await;
    }
}

#[tokio::test(start_paused = true)]
async fn deep_nesting_ends_the_connection_and_is_not_echoed() {
    for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
        for depth in [64, 65, 1_000, 5_000] {
            let nested = format!("{}1{}", open.repeat(depth), close.repeat(depth));
            let call = format!(r#"{{"type":1,"target":"note","arguments":[{nested}]}}"#);
            breaks(Encoding::Json, &frame(&call), "Error reading JSON.").await;
        }
    }
    let unclosed = format!(
        r#"{{"type":1,"target":"note","arguments":{}"#,
        "[".repeat(15_000)
    );
    breaks(Encoding::Json, &frame(&unclosed), "Error reading JSON.").await;
}

#[tokio::test(start_paused = true)]
async fn nesting_up_to_the_limit_and_brackets_in_text_are_fine() {
    let log = Log::default();
    let mut peer = Peer::connect(&builder(&log).build().expect("valid")).await;
    let brackets = "[{\\\"".repeat(5_000);
    peer.send(&format!(
        r#"{{"type":1,"invocationId":"1","target":"note","arguments":["{brackets}"]}}"#
    ))
    .await;
    assert_eq!(peer.completion("1").await, json!(null));
    // 62 levels, the list of arguments, and the message.
    let nested = format!("{}{}", "[".repeat(62), "]".repeat(62));
    peer.send(&format!(
        r#"{{"type":1,"invocationId":"1","target":"note","arguments":[{nested}]}}"#
    ))
    .await;
    assert!(peer.completion("1").await["error"].is_string());
}

#[apply(both_encodings)]
async fn a_stream_that_ends_inside_a_message_is_told_so() {
    let encoding = Encoding::of_this_test();
    let ping = encoding.frame(r#"{"type":6}"#);
    let half = &ping[..ping.len() - 1];
    for detailed in [false, true] {
        let log = Log::default();
        let server = builder(&log).detailed_errors(detailed).build();
        let mut peer = Peer::connect(&server.expect("valid")).await;
        let note = r#"{"type":1,"invocationId":"1","target":"note","arguments":["1"]}"#;
        peer.send_bytes(&[&encoding.frame(note)[..], half].concat())
            .await;
        peer.finish().await;
        assert_eq!(peer.completion("1").await, json!(null));
        let close = if detailed {
            r#"{"type":7,"error":"Connection closed with an error. InvalidDataException: Connection terminated while reading a message.","allowReconnect":true}"#
        } else {
            r#"{"type":7,"error":"Connection closed with an error.","allowReconnect":true}"#
        };
        peer.expect_close(close).await;
        peer.leave().await;
        let expected = "disconnected: Connection terminated while reading a message.";
        assert_eq!(log.all(), ["1", expected]);
    }
}

#[apply(both_encodings)]
async fn too_many_headers_end_the_connection() {
    let encoding = Encoding::of_this_test();
    let headers: Vec<_> = (0..101).map(|n| format!(r#""k{n}":"v""#)).collect();
    let call = encoding.frame(&format!(
        r#"{{"type":1,"headers":{{{}}},"target":"note","arguments":[""]}}"#,
        headers.join(",")
    ));
    breaks(encoding, &call, "More than 100 headers are not supported.").await;
}
