//! Arguments that do not fit: an error completion, never the end of the connection.

use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use signalr::{HubServer, hub};

use crate::support::{
    Encoding, Log, Peer,
    msgpack::{bytes, framed},
};

#[derive(Deserialize)]
#[expect(dead_code, reason = "only read from messages")]
struct Pair {
    left: u8,
    right: String,
}

/// An argument whose type misbehaves.
struct Explosive;

impl<'de> Deserialize<'de> for Explosive {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        panic!("the secret of a type")
    }
}

/// An argument that is read without looking at what is there.
struct Lazy;

impl<'de> Deserialize<'de> for Lazy {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Err(serde::de::Error::custom("the secret of a type"))
    }
}

#[derive(Default)]
struct Typed(Log);

#[hub]
impl Typed {
    pub fn foo(&self, number: i32, text: &str) -> String {
        self.0.note("called");
        format!("{number} {text}")
    }

    pub fn xyz(&self, text: &str) -> String {
        self.0.note("called");
        text.to_owned()
    }

    pub fn none(&self) -> u8 {
        self.0.note("called");
        0
    }

    pub fn pair(&self, _pair: Pair) {
        self.0.note("called");
    }

    pub fn small(&self, _number: u8) {
        self.0.note("called");
    }

    pub fn optional(&self, a: Option<u8>, b: Option<u8>) -> Value {
        json!([a, b])
    }

    pub fn explode(&self, _explosive: Explosive) {
        self.0.note("called");
    }

    pub fn lazy(&self, _lazy: Lazy) {
        self.0.note("called");
    }
}

const COUNT: &str = "InvalidDataException: Invocation provides";
const TYPE: &str = "InvalidDataException: Error binding arguments. Make sure that the types of the provided values match the types of the hub method being invoked.";

/// Sends a message that must not be bound, with detailed errors off and on.
async fn does_not_bind(message: &str, id: &str, target: &str, detail: &str) {
    let frame = Encoding::of_this_test().frame(message);
    frame_does_not_bind(&frame, id, target, detail).await;
}

async fn frame_does_not_bind(frame: &[u8], id: &str, target: &str, detail: &str) {
    let shown = String::from_utf8_lossy(frame);
    for detailed in [false, true] {
        let hub = Typed::default();
        let log = hub.0.clone();
        let server = HubServer::builder(hub).detailed_errors(detailed);
        let mut peer = Peer::connect(&server.build().expect("valid")).await;
        peer.send_bytes(frame).await;
        let mut expected = format!("Failed to invoke '{target}' due to an error on the server.");
        if detailed {
            expected = format!("{expected} {detail}");
        }
        let answer = peer.completion(id).await;
        assert_eq!(answer, json!({"error": expected}), "{shown}");
        assert_eq!(log.all(), [""; 0], "{shown}");
        assert_eq!(peer.invoke("foo", json!([1, "x"])).await, "1 x");
    }
}

#[apply(both_encodings)]
async fn a_wrong_number_of_arguments_is_counted_out() {
    for (arguments, provided) in [
        ("[]", 0),
        ("[ ]", 0),
        ("[1]", 1),
        (r#"[1,"",{"1":1,"2":2}]"#, 3),
        (r#"[1,"x",null,[[],[]],"]",{"a":"]"} ]"#, 6),
    ] {
        does_not_bind(
            &format!(r#"{{"type":1,"invocationId":"42","target":"FOO","arguments":{arguments}}}"#),
            "42",
            "FOO",
            &format!("{COUNT} {provided} argument(s) but target expects 2."),
        )
        .await;
    }
    does_not_bind(
        r#"{"type":1,"arguments":[null],"invocationId":"42","target":"none"}"#,
        "42",
        "none",
        &format!("{COUNT} 1 argument(s) but target expects 0."),
    )
    .await;
}

#[apply(both_encodings)]
async fn a_streaming_call_binds_before_its_mode_is_looked_at() {
    does_not_bind(
        r#"{"type":4,"invocationId":"42","target":"foo","arguments":[]}"#,
        "42",
        "foo",
        &format!("{COUNT} 0 argument(s) but target expects 2."),
    )
    .await;
    does_not_bind(
        r#"{"type":4,"invocationId":"42","target":"foo","arguments":[ "abc", "xyz"]}"#,
        "42",
        "foo",
        TYPE,
    )
    .await;
}

#[apply(both_encodings)]
async fn an_argument_of_the_wrong_type_is_refused() {
    for arguments in [
        r#"[ "abc", "xyz"]"#,
        "[1,[1]]",
        "[1,[]]",
        r#"[[],{"target":"foo2"}]"#,
        r#"[null,"x"]"#,
        "[1,null]",
        r#"["1","x"]"#,
        r#"[1.0,"x"]"#,
        r#"[1e0,"x"]"#,
        r#"[1.5,"x"]"#,
        r#"[2147483648,"x"]"#,
        r#"[true,"x"]"#,
        "[1,2]",
    ] {
        does_not_bind(
            &format!(r#"{{"type":1,"invocationId":"42","target":"foo","arguments":{arguments}}}"#),
            "42",
            "foo",
            TYPE,
        )
        .await;
    }
}

#[apply(both_encodings)]
async fn objects_and_small_numbers_are_checked_too() {
    for (target, argument) in [
        ("pair", "{}"),
        ("pair", r#"{"left":1}"#),
        ("pair", r#"{"left":"1","right":"x"}"#),
        ("pair", "1"),
        ("pair", "null"),
        ("small", "256"),
        ("small", "-1"),
        ("small", "18446744073709551616"),
        ("lazy", "1"),
    ] {
        does_not_bind(
            &format!(r#"{{"type":1,"arguments":[{argument}],"invocationId":"","target":"{target}","invocationId":"1"}}"#),
            "1",
            target,
            TYPE,
        )
        .await;
    }
}

#[apply(both_encodings)]
async fn an_optional_argument_must_be_sent_as_null() {
    does_not_bind(
        r#"{"type":1,"invocationId":"1","target":"optional","arguments":[1]}"#,
        "1",
        "optional",
        &format!("{COUNT} 1 argument(s) but target expects 2."),
    )
    .await;
    let mut peer = Peer::connect(&HubServer::new(Typed::default())).await;
    let answer = peer.invoke("optional", json!([null, 2])).await;
    assert_eq!(answer, json!([null, 2]));
}

#[apply(both_encodings)]
async fn an_argument_whose_type_panics_costs_the_call_and_tells_nothing() {
    for detailed in [false, true] {
        let hub = Typed::default();
        let log = hub.0.clone();
        let server = HubServer::builder(hub).detailed_errors(detailed);
        let mut peer = Peer::connect(&server.build().expect("valid")).await;
        assert_eq!(
            peer.invoke("explode", json!([1])).await,
            json!({"error": "An unexpected error occurred invoking 'explode' on the server."})
        );
        peer.tell("explode", json!([1])).await;
        peer.expect_silence().await;
        assert_eq!(log.all(), [""; 0]);
        assert_eq!(peer.invoke("none", json!([])).await, 0);
    }
}

#[apply(both_encodings)]
async fn a_call_without_id_gets_no_answer_whatever_is_wrong_with_it() {
    let hub = Typed::default();
    let log = hub.0.clone();
    let server = HubServer::builder(hub).detailed_errors(true);
    let mut peer = Peer::connect(&server.build().expect("valid")).await;
    for (method, arguments) in [
        ("nosuch", json!([])),
        ("foo", json!([])),
        ("foo", json!(["x", 1])),
        ("foo", json!([1, "x", 2])),
        ("explode", json!([1])),
        ("lazy", json!([1])),
    ] {
        peer.tell(method, arguments.clone()).await;
        let empty_id =
            json!({"type": 1, "invocationId": "", "target": method, "arguments": arguments});
        peer.send(&empty_id.to_string()).await;
        peer.expect_silence().await;
    }
    assert_eq!(log.all(), [""; 0]);
}

/// The reference's vectors, section 13.6.
const VECTORS_JB: &[(&str, &str)] = &[
    // JB-01 to JB-10
    (
        r#"{"type":1,"invocationId":"42","target":"foo","arguments":[]}"#,
        "0",
    ),
    (
        r#"{"type":1,"arguments":[], "invocationId":"42","target":"foo"}"#,
        "0",
    ),
    (
        r#"{"type":1,"invocationId":"42","target":"foo","arguments":[ "abc", "xyz"]}"#,
        "type",
    ),
    (
        r#"{"type":1,"invocationId":"42","arguments":[ "abc", "xyz"], "target":"foo"}"#,
        "type",
    ),
    (
        r#"{"type":4,"invocationId":"42","target":"foo","arguments":[]}"#,
        "0",
    ),
    (
        r#"{"type":4,"invocationId":"42","target":"foo","arguments":[ "abc", "xyz"]}"#,
        "type",
    ),
    (
        r#"{"type":1,"invocationId":"42","target":"foo","arguments":[1,"",{"1":1,"2":2}]}"#,
        "3",
    ),
    (
        r#"{"type":1,"invocationId":"42","target":"foo","arguments":[1,[1]]}"#,
        "type",
    ),
    (
        r#"{"type":1,"invocationId":"42","target":"foo","arguments":[1,[]]}"#,
        "type",
    ),
    (
        r#"{"type":1,"invocationId":"42","target":"foo","arguments":[[],{"target":"foo2"}]}"#,
        "type",
    ),
];

#[apply(both_encodings)]
async fn vectors_jb_do_not_bind() {
    for (message, count) in VECTORS_JB {
        let detail = match *count {
            "type" => TYPE.to_owned(),
            count => format!("{COUNT} {count} argument(s) but target expects 2."),
        };
        does_not_bind(message, "42", "foo", &detail).await;
    }
}

/// The reference's vectors, section 13.9: bodies, and what they provide.
const VECTORS_MB: &[(&str, &str)] = &[
    // MB-01 to MB-10
    ("94 01 80 a3 61 62 63 a3 78 79 7a", "no list"),
    ("95 01 80 a3 61 62 63 a3 78 79 7a 2a", "no list"),
    ("95 01 80 a3 61 62 63 a3 78 79 7a 90", "0"),
    ("95 01 80 a3 61 62 63 a3 78 79 7a 92 a1 61 a1 62", "2"),
    ("95 01 80 a3 61 62 63 a3 78 79 7a 91 2a", "type"),
    ("94 04 80 a3 61 62 63 a3 78 79 7a", "no list"),
    ("95 04 80 a3 61 62 63 a3 78 79 7a 2a", "no list"),
    ("95 04 80 a3 61 62 63 a3 78 79 7a 90", "0"),
    ("95 04 80 a3 61 62 63 a3 78 79 7a 92 a1 61 a1 62", "2"),
    ("95 04 80 a3 61 62 63 a3 78 79 7a 91 2a", "type"),
    // nil, a map, and lists that are cut off or lie about their length
    ("95 01 80 a3 61 62 63 a3 78 79 7a c0", "no list"),
    ("95 01 80 a3 61 62 63 a3 78 79 7a 80", "no list"),
    ("95 01 80 a3 61 62 63 a3 78 79 7a 91", "type"),
    ("95 01 80 a3 61 62 63 a3 78 79 7a 91 a5 61", "type"),
    ("95 01 80 a3 61 62 63 a3 78 79 7a 91 a1 ff", "type"),
    ("95 01 80 a3 61 62 63 a3 78 79 7a 91 c1", "type"),
    ("95 01 80 a3 61 62 63 a3 78 79 7a 91 c4 01 ff", "type"),
    (
        "96 01 80 a3 61 62 63 a3 78 79 7a dd ff ff ff ff 90",
        "4294967295",
    ),
    // what stands behind arguments that are no list is not looked at
    ("96 01 80 a3 61 62 63 a3 78 79 7a 2a 2a", "no list"),
];

#[test]
fn vectors_mb_do_not_bind() {
    Encoding::MessagePack.run(async {
        for (body, what) in VECTORS_MB {
            let detail = match *what {
                "type" => TYPE.to_owned(),
                "no list" => {
                    "InvalidDataException: Reading array length for 'arguments' failed.".to_owned()
                }
                count => format!("{COUNT} {count} argument(s) but target expects 1."),
            };
            frame_does_not_bind(&framed(&bytes(body)), "abc", "xyz", &detail).await;
        }
    });
}
