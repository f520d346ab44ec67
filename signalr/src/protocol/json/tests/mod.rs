//! The reference's vectors, byte for byte, and properties of the reader.
//!
//! Each line of the `.tsv` files is a vector of the hub protocol reference, section 13: its id, the JSON text, and for errors the
//! expected text.

mod scan;

use proptest::prelude::*;
use serde::Serialize;

use crate::protocol::{
    Arguments, Blob, Headers, HubProtocol, Invocation, InvocationHead, Message, Payload, Text,
    Timestamp, rewrite::rewrite,
};

pub(in crate::protocol) const MESSAGES: &str = include_str!("messages.tsv");
const READ_ONLY: &str = include_str!("read_only.tsv");
const ERRORS: &str = include_str!("errors.tsv");

fn read(json: &str) -> Result<Option<Message<'_>>, String> {
    HubProtocol::Json
        .decode(json.as_bytes())
        .map_err(|error| error.to_string())
}

fn expect(json: &str) -> Message<'_> {
    read(json).expect(json).expect("a known type")
}

/// Writes a message that was read.
fn write(message: &Message<'_>) -> String {
    let mut out = rewrite(HubProtocol::Json, message);
    assert_eq!(out.pop(), Some(0x1e), "one separator at the end");
    String::from_utf8(out).expect("UTF-8")
}

#[test]
fn vectors_j_are_read_and_written_byte_for_byte() {
    let mut count = 0;
    for line in MESSAGES.lines() {
        let (id, json) = line.split_once('\t').expect("two columns");
        assert_eq!(write(&expect(json)), json, "{id}");
        count += 1;
    }
    assert_eq!(count, 49);
}

#[test]
fn vectors_jr_are_read() {
    let mut unknown = Vec::new();
    for line in READ_ONLY.lines() {
        let (id, json) = line.split_once('\t').expect("two columns");
        if read(json).expect(id).is_none() {
            unknown.push(id);
        }
    }
    assert_eq!(unknown, ["JR-24"], "only this one has an unknown type");
}

#[test]
fn properties_are_read_in_any_order() {
    let json = r#"{ "item": "foo", "invocationId": "1a", "type":2 }"#;
    let expected = Message::StreamItem {
        headers: Headers::default(),
        id: "1a".into(),
        item: Payload::Json(r#""foo""#),
    };
    assert_eq!(expect(json), expected);

    let json = r#"{"target":"Sum","arguments":[],"invocationId":"1","streamIds":["0"],"type":1}"#;
    let expected = Message::Invocation(Invocation {
        streaming: false,
        headers: Headers::default(),
        id: Some("1".into()),
        target: "Sum".into(),
        arguments: Payload::Json("[]"),
        stream_ids: vec!["0".into()],
    });
    assert_eq!(expect(json), expected);
}

#[test]
fn texts_are_borrowed_unless_they_have_escapes() {
    let Message::Invocation(call) = expect(r#"{"type":1,"target":"a\u0062","arguments":[]}"#)
    else {
        panic!("an invocation");
    };
    assert_eq!(call.target, "ab");
    let Message::Invocation(call) = expect(r#"{"type":1,"target":"ab","arguments":[]}"#) else {
        panic!("an invocation");
    };
    assert!(matches!(call.target, Text::Borrowed("ab")));
}

#[test]
fn an_empty_invocation_id_is_none() {
    let Message::Invocation(call) =
        expect(r#"{"type":1,"invocationId":"","target":"x","arguments":[]}"#)
    else {
        panic!("an invocation");
    };
    assert_eq!(call.id, None);
}

#[test]
fn the_last_of_repeated_headers_wins() {
    let json = r#"{"type":5,"invocationId":"1","headers":{"a":"1","b":"2","a":"3"}}"#;
    let Message::CancelInvocation { headers, .. } = expect(json) else {
        panic!("a cancel");
    };
    assert_eq!(
        headers.0,
        [("a".into(), "3".into()), ("b".into(), "2".into())]
    );
}

#[test]
fn vectors_je_have_the_reference_s_texts() {
    let mut count = 0;
    for line in ERRORS.lines() {
        let columns: Vec<_> = line.split('\t').collect();
        let [id, json, text] = columns[..] else {
            panic!("three columns: {line}");
        };
        assert_eq!(read(json), Err(text.to_owned()), "{id}");
        count += 1;
    }
    assert_eq!(count, 36);
}

#[test]
fn further_errors_of_section_5_3() {
    for (json, text) in [
        (
            "true",
            "Unexpected JSON Token Type 'True'. Expected a JSON Object.",
        ),
        (
            "false",
            "Unexpected JSON Token Type 'False'. Expected a JSON Object.",
        ),
        (r#"{"type":null}"#, "Expected 'type' to be of type Number."),
        (
            r#"{"type":6,"target":1}"#,
            "Expected 'target' to be of type String.",
        ),
        (
            r#"{"type":1,"headers":null}"#,
            "Expected 'headers' to be of type StartObject.",
        ),
        (
            r#"{"type":1,"invocationId":null}"#,
            "Expected 'invocationId' to be of type String.",
        ),
        (
            r#"{"type":1,"target":null}"#,
            "Expected 'target' to be of type String.",
        ),
        (
            r#"{"type":3,"error":null}"#,
            "Expected 'error' to be of type String.",
        ),
        (
            r#"{"type":1,"arguments":null}"#,
            "Expected 'arguments' to be of type Array.",
        ),
        (
            r#"{"type":1,"streamIds":null}"#,
            "Expected 'streamIds' to be of type Array.",
        ),
        (
            r#"{"type":1,"streamIds":["a",null]}"#,
            "Null value for 'streamIds' is not valid.",
        ),
        (
            r#"{"type":7,"allowReconnect":1}"#,
            "Expected 'allowReconnect' to be true or false.",
        ),
        (
            r#"{"type":8,"sequenceId":null}"#,
            "Missing required property 'sequenceId'.",
        ),
        (
            r#"{"type":4,"target":"","arguments":[]}"#,
            "Missing required property 'invocationId'.",
        ),
        (
            r#"{"type":1,"target":"","arguments":[]}"#,
            "Missing required property 'target'.",
        ),
        (r#"{"type":6,}"#, "Error reading JSON."),
        (r#"{"type":6/**/}"#, "Error reading JSON."),
    ] {
        assert_eq!(read(json), Err(text.to_owned()), "{json}");
    }
    assert!(
        HubProtocol::Json
            .decode(b"{\"type\":6,\"x\":\"\xff\"}")
            .is_err()
    );
}

#[test]
fn nesting_is_limited_without_recursion() {
    let nested = |depth: usize| {
        let (open, close) = ("[".repeat(depth), "]".repeat(depth));
        format!(r#"{{"type":1,"target":"x","arguments":{open}{close}}}"#)
    };
    assert!(read(&nested(63)).is_ok(), "64 with the object");
    assert_eq!(read(&nested(64)), Err("Error reading JSON.".to_owned()));
    assert_eq!(read(&nested(15_000)), Err("Error reading JSON.".to_owned()));
    // Brackets in strings do not nest.
    let text = "[".repeat(1_000);
    assert!(
        read(&format!(
            r#"{{"type":1,"target":"x","arguments":["{text}\""]}}"#
        ))
        .is_ok()
    );
}

#[test]
fn more_headers_than_anybody_sends_are_refused() {
    let headers: Vec<_> = (0..101).map(|index| format!(r#""h{index}":"""#)).collect();
    let json = format!(
        r#"{{"type":5,"invocationId":"1","headers":{{{}}}}}"#,
        headers.join(",")
    );
    assert_eq!(
        read(&json),
        Err("More than 100 headers are not supported.".to_owned())
    );
}

/// The reference's value, which is close to τ and is not meant to be.
#[expect(clippy::approx_constant, reason = "the reference's value")]
const DOUBLE: f64 = 6.2831853071;

/// The reference's custom object, in a letter case and with or without what is null.
macro_rules! custom_object {
    ($name:ident, $case:literal, $($null:meta)?) => {
        #[derive(Serialize)]
        #[serde(rename_all = $case)]
        struct $name<D> {
            string_prop: &'static str,
            double_prop: f64,
            int_prop: i32,
            date_time_prop: D,
            $(#[$null])?
            null_prop: Option<u8>,
            byte_arr_prop: Blob,
        }

        impl<D> $name<D> {
            fn new(text: &'static str, double: f64, int: i32, moment: D, bytes: &[u8]) -> Self {
                Self {
                    string_prop: text,
                    double_prop: double,
                    int_prop: int,
                    date_time_prop: moment,
                    null_prop: None,
                    byte_arr_prop: bytes.into(),
                }
            }
        }
    };
}

custom_object!(CustomObject, "camelCase",);
custom_object!(
    Sparse,
    "camelCase",
    serde(skip_serializing_if = "Option::is_none")
);
custom_object!(AsDeclared, "PascalCase",);

#[test]
fn vectors_with_objects_are_written_from_rust_types() {
    let moment: Timestamp = "2017-04-11T00:00:00Z".parse().expect("a moment");
    let (text, bytes) = ("SignalR!", &[1, 2, 3]);
    let plain = CustomObject::new(text, DOUBLE, 42, moment, bytes);
    let sparse = Sparse::new(text, DOUBLE, 42, moment, bytes);
    let declared = AsDeclared::new(text, DOUBLE, 42, moment, bytes);
    let unset = chrono::NaiveDate::from_ymd_opt(1, 1, 1).expect("a date");
    let unset = unset.and_time(chrono::NaiveTime::MIN);
    let defaults = CustomObject::new("test", 1.1, 0, unset, &[2, 4, 6]);
    for (id, written) in [
        ("J-11", invocation(None, &(plain,))),
        ("J-12", invocation(None, &(sparse,))),
        ("J-13", invocation(None, &(declared,))),
        ("J-14", invocation(Some("123"), &(defaults,))),
    ] {
        let mut vectors = MESSAGES.lines().filter_map(|line| line.split_once('\t'));
        let vector = vectors.find(|(name, _)| *name == id);
        assert_eq!(Some((id, &*written)), vector);
    }
}

fn invocation(id: Option<&str>, arguments: &impl Arguments) -> String {
    let head = InvocationHead {
        id,
        target: "Target",
        ..InvocationHead::default()
    };
    let mut out = Vec::new();
    let written = HubProtocol::Json.write_invocation(&mut out, &head, arguments);
    written.expect("arguments that can be written");
    out.pop();
    String::from_utf8(out).expect("UTF-8")
}

fn item<T: Serialize>(item: &T) -> Result<String, String> {
    let mut out = Vec::new();
    HubProtocol::Json
        .item_head(&Headers::default(), "1")
        .write(&mut out, item)
        .map_err(|error| error.to_string())?;
    let text = String::from_utf8(out).expect("UTF-8");
    let item = text.strip_prefix(r#"{"type":2,"invocationId":"1","item":"#);
    let item = item.and_then(|text| text.strip_suffix("}\u{1e}"));
    Ok(item.expect("an item").to_owned())
}

#[test]
fn values_are_written_as_net_writes_them() {
    for (written, expected) in [
        (item(&2.0f32), "2"),
        (item(&-2.0f64), "-2"),
        (item(&0.1f32), "0.1"),
        (item(&1e300f64), "1e+300"),
        (
            item(&"מחרוזת \u{1f600} <>&'+\"\\\u{1e}"),
            "\"מחרוזת \u{1f600} <>&'+\\\"\\\\\\u001e\"",
        ),
        (item(&u64::MAX), "18446744073709551615"),
        (item(&()), "null"),
    ] {
        assert_eq!(written.as_deref(), Ok(expected));
    }
}

#[test]
fn what_cannot_be_serialized_leaves_nothing_behind() {
    let map = std::collections::HashMap::from([((1, 2), 3)]);
    let mut out = b"before".to_vec();
    let result = HubProtocol::Json
        .item_head(&Headers::default(), "1")
        .write(&mut out, &map);
    assert!(result.expect_err("keys must be strings").is_serialization());
    assert_eq!(out, b"before");
}

proptest! {
    #[test]
    fn reading_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = HubProtocol::Json.decode(&bytes);
    }

    #[test]
    fn what_was_read_is_written_and_read_alike(
        json in proptest::sample::select(MESSAGES.lines().chain(READ_ONLY.lines()).collect::<Vec<_>>()),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut bytes = json.split_once('\t').expect("two columns").1.as_bytes().to_vec();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(Some(message)) = HubProtocol::Json.decode(&bytes) {
            let written = write(&message);
            prop_assert_eq!(write(&expect(&written)), written);
        }
    }
}
