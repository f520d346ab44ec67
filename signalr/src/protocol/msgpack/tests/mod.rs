//! The reference's vectors, byte for byte, and what hostile lengths do.
//!
//! Each line of the `.tsv` files is a vector of the hub protocol reference, section 13: its id, the bytes in hexadecimal (with the
//! length for messages, without for errors), and for errors the expected text.

use proptest::prelude::*;
use serde::de::DeserializeOwned;

use crate::{
    error::Error,
    protocol::{
        Control, Headers, HubProtocol, HubResult, Invocation, InvocationHead, Message, Outcome,
        Payload, Source, Text, ValueWriter, framing::FrameBuffer, rewrite::rewrite,
    },
};

mod moments;
mod values;

pub(in crate::protocol) const MESSAGES: &str = include_str!("messages.tsv");
const READ_ONLY: &str = include_str!("read_only.tsv");
const ERRORS: &str = include_str!("errors.tsv");

pub(in crate::protocol) fn bytes(hex: &str) -> Vec<u8> {
    let digits = hex.split_whitespace();
    digits
        .map(|byte| u8::from_str_radix(byte, 16).expect("two digits"))
        .collect()
}

/// The only frame in these bytes.
pub(in crate::protocol) fn body(framed: &[u8]) -> Vec<u8> {
    let mut buffer = FrameBuffer::new(None);
    buffer.space().extend_from_slice(framed);
    let body = buffer.next_binary().expect("a length").expect("whole");
    let body = body.to_vec();
    buffer.space();
    assert!(buffer.is_empty(), "one frame");
    body
}

/// The bytes of a value.
pub(in crate::protocol) fn written<T: HubResult + ?Sized>(
    protocol: HubProtocol,
    value: &T,
) -> Vec<u8> {
    let mut out = Vec::new();
    let mut writer = ValueWriter::new(protocol, &mut out);
    value
        .write(&mut writer)
        .expect("a value that can be written");
    out
}

/// The value of bytes.
pub(in crate::protocol) fn value<T: DeserializeOwned>(payload: Payload<'_>) -> Result<T, String> {
    let value = Source::single(payload).next();
    value.map_err(|error| error.to_string())
}

fn read(body: &[u8]) -> Result<Option<Message<'_>>, String> {
    HubProtocol::MessagePack
        .decode(body)
        .map_err(|error| error.to_string())
}

fn expect(body: &[u8]) -> Message<'_> {
    read(body).expect("well formed").expect("a known type")
}

#[test]
fn vectors_m_are_read_and_written_byte_for_byte() {
    let mut count = 0;
    for line in MESSAGES.lines() {
        let (id, hex) = line.split_once('\t').expect("two columns");
        let framed = bytes(hex);
        let body = body(&framed);
        let written = rewrite(HubProtocol::MessagePack, &expect(&body));
        assert_eq!(written, framed, "{id}");
        count += 1;
    }
    assert_eq!(count, 81);
}

#[test]
fn vectors_that_others_write_differently_are_read() {
    let mut seen = Vec::new();
    for line in READ_ONLY.lines() {
        let (id, hex) = line.split_once('\t').expect("two columns");
        let body = body(&bytes(hex));
        let message = read(&body).expect(id);
        match (id, message) {
            ("M-89", None)
            | (
                "M-53",
                Some(Message::Completion {
                    outcome: Outcome::Void,
                    ..
                }),
            )
            | (
                "M-79",
                Some(Message::Close {
                    error: None,
                    allow_reconnect: false,
                }),
            ) => {}
            ("M-75" | "M-81", Some(Message::Invocation(call))) => assert_eq!(call.id, None),
            ("M-80", Some(Message::Invocation(call))) => {
                assert_eq!(call.id.as_deref(), Some("xyz"));
                assert!(call.stream_ids.is_empty());
            }
            ("M-76" | "M-77", Some(Message::Invocation(call))) => {
                assert_eq!(call.streaming, id == "M-77");
                assert!(call.id.is_some());
            }
            (id, other) => panic!("{id}: {other:?}"),
        }
        seen.push(id);
    }
    assert_eq!(seen.len(), 8);
}

#[test]
fn vectors_me_have_the_reference_s_texts() {
    let mut count = 0;
    for line in ERRORS.lines() {
        let [id, hex, text] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("three columns: {line}");
        };
        assert_eq!(read(&bytes(hex)).expect_err(id), text, "{id}");
        count += 1;
    }
    assert_eq!(count, 36);
}

#[test]
fn further_errors_of_section_6_3_have_its_texts() {
    for (hex, text) in [
        ("", "Error reading MessagePack."),
        ("c0", "Error reading MessagePack."),
        ("90", "Reading 'messageType' as Int32 failed."),
        ("92 01 c0", "Reading map length for 'headers' failed."),
        ("93 07 c0 c0", "Reading 'allowReconnect' as Boolean failed."),
        ("91 07", "Reading 'error' as String failed."),
        (
            "95 01 80 c0 c0 90",
            "Null or empty target for Invocation message.",
        ),
        (
            "96 01 80 c0 a1 54 90 2a",
            "Reading array length for 'streamIds' failed.",
        ),
        (
            "96 01 80 c0 a1 54 90 91 c0",
            "Null or empty value in streamIds received.",
        ),
        (
            "95 02 82 a1 61 a1 62 a1 61 a1 62",
            "Repeated key in header.",
        ),
    ] {
        assert_eq!(read(&bytes(hex)).expect_err(hex), text, "{hex}");
    }
}

/// Writes one message; how many bytes its frame has in JSON and in MessagePack.
fn sizes(write: impl Fn(HubProtocol, &mut Vec<u8>) -> Result<(), Error>) -> (usize, usize) {
    let [json, pack] = [HubProtocol::Json, HubProtocol::MessagePack].map(|protocol| {
        let mut out = Vec::new();
        write(protocol, &mut out).expect("written");
        out.len()
    });
    (json, pack)
}

#[test]
fn frames_have_the_sizes_of_section_13_10() {
    let none = Headers::default();
    let streams = [Text::Borrowed("2")];
    let call = |streaming, id, target, stream_ids| InvocationHead {
        streaming,
        id,
        target,
        stream_ids,
        ..InvocationHead::default()
    };
    for (head, size) in [
        (call(false, None, "Target", None), (45, 15)),
        (call(false, Some("1"), "Target", None), (64, 16)),
        (call(false, Some("1"), "Target", Some(&streams)), (82, 18)),
    ] {
        let write =
            |protocol: HubProtocol, out: &mut _| protocol.write_invocation(out, &head, &(1,));
        assert_eq!(sizes(write), size, "{head:?}");
    }
    for (head, size) in [
        (call(true, Some("1"), "target", None), (63, 15)),
        (call(true, Some("1"), "target", Some(&streams)), (81, 17)),
    ] {
        let write = |protocol: HubProtocol, out: &mut _| protocol.write_invocation(out, &head, &());
        assert_eq!(sizes(write), size, "{head:?}");
    }
    for (item, size) in [(None, (42, 7)), (Some(1), (39, 7))] {
        let write =
            |protocol: HubProtocol, out: &mut _| protocol.item_head(&none, "1").write(out, &item);
        assert_eq!(sizes(write), size, "{item:?}");
    }
    for (outcome, size) in [
        (Outcome::Void, (30, 7)),
        (Outcome::Result(&1), (41, 8)),
        (Outcome::Error("error".into()), (46, 13)),
    ] {
        let write = |protocol: HubProtocol, out: &mut _| {
            protocol.write_completion(out, &none, "1", outcome.clone())
        };
        assert_eq!(sizes(write), size, "{outcome:?}");
    }
    let close = |error| Control::Close {
        error,
        allow_reconnect: false,
    };
    let headers = none.clone();
    for (control, size) in [
        (close(None), (11, 5)),
        (close(Some("error")), (27, 10)),
        (Control::CancelInvocation { headers, id: "1" }, (30, 6)),
        (Control::Ping, (11, 3)),
    ] {
        let write = |protocol: HubProtocol, out: &mut _| {
            protocol.write_control(out, &control);
            Ok(())
        };
        assert_eq!(sizes(write), size, "{control:?}");
    }
}

#[test]
fn a_nil_error_is_the_void_form() {
    let body = bytes("95 03 80 a1 78 01 c0");
    let Message::Completion { outcome, .. } = expect(&body) else {
        panic!("a completion");
    };
    assert_eq!(outcome, Outcome::Void);
}

#[test]
fn numbers_of_any_width_are_types_and_sequence_ids() {
    for hex in [
        "92 cf 00 00 00 00 00 00 00 08 d3 00 00 00 00 00 00 00 2a",
        "92 d1 00 08 2a",
    ] {
        assert_eq!(expect(&bytes(hex)), Message::Ack { sequence_id: 42 });
    }
}

#[test]
fn arguments_that_are_no_list_hide_the_stream_ids_and_nothing_else() {
    for hex in ["94 01 80 a1 61 a1 62", "96 01 80 a1 61 a1 62 2a 91 a1 78"] {
        let body = bytes(hex);
        let Message::Invocation(Invocation { id, stream_ids, .. }) = expect(&body) else {
            panic!("an invocation");
        };
        assert_eq!(id.as_deref(), Some("a"));
        assert!(stream_ids.is_empty());
    }
}

#[test]
fn no_claimed_length_is_believed() {
    // Headers, stream ids and an argument of each kind that claims to be huge, at the end of the frame.
    for head in ["92 01", "96 01 80 c0 a1 54 90", "96 01 80 c0 a1 54 91"] {
        for claim in [
            "df 7f ff ff ff",
            "dd 7f ff ff ff",
            "db 7f ff ff ff",
            "c6 7f ff ff ff",
            "c9 7f ff ff ff 01",
            "dd ff ff ff ff",
        ] {
            let body = bytes(&format!("{head} {claim}"));
            if let Ok(Some(Message::Invocation(call))) = read(&body) {
                let Payload::MessagePack(rest) = call.arguments else {
                    panic!("the same protocol");
                };
                assert!(rest.len() <= body.len());
                assert!(call.stream_ids.is_empty());
            }
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(body in proptest::collection::vec(any::<u8>(), 0..100)) {
        let _ = read(&body);
    }

    #[test]
    fn a_vector_with_changed_bytes_is_read_or_refused(
        line in 0usize..81,
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
    ) {
        let (_, hex) = MESSAGES.lines().nth(line).and_then(|line| line.split_once('\t')).expect("a vector");
        let mut body = body(&bytes(hex));
        for (at, byte) in changes {
            let at = at.index(body.len());
            body[at] = byte;
        }
        if let Ok(Some(Message::Invocation(call))) = read(&body) {
            prop_assert!(!call.target.is_empty());
        }
    }
}
