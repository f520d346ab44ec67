//! Hub messages between JSON, in which tests are written, and MessagePack, by hand: as the .NET client writes it, and only as the .NET
//! server would have written it.

use std::fmt::Write;

use bytes::{Bytes, BytesMut};
use rmp::{Marker, decode, encode};
use serde_json::Value;

const TO_MEMORY: &str = "memory takes what is written";

/// The frame of a message that is given as JSON.
pub fn frame(message: &str) -> Vec<u8> {
    let message: Value = serde_json::from_str(message)
        .unwrap_or_else(|_| panic!("only JSON knows this message: {message}"));
    let mut body = Vec::new();
    let kind = message["type"].as_i64().expect("a type");
    let items = match kind {
        1 | 4 => 6,
        2 => 4,
        3 if message["error"].is_null() && message.get("result").is_none() => 4,
        3 => 5,
        5 | 7 => 3,
        6 => 1,
        _ => 2,
    };
    encode::write_array_len(&mut body, items).expect(TO_MEMORY);
    value(&mut body, &message["type"]);
    match kind {
        1 | 4 => {
            start(&mut body, &message);
            value(&mut body, &message["target"]);
            value(&mut body, &message["arguments"]);
            let ids = message.get("streamIds");
            value(&mut body, ids.unwrap_or(&Value::Array(Vec::new())));
        }
        2 => {
            start(&mut body, &message);
            value(&mut body, &message["item"]);
        }
        3 => {
            start(&mut body, &message);
            let (kind, last) = match (message["error"].as_str(), message.get("result")) {
                (Some(error), _) => (1, Some(error.into())),
                (None, None) => (2, None),
                (None, Some(result)) => (3, Some(result.clone())),
            };
            value(&mut body, &kind.into());
            if let Some(last) = last {
                value(&mut body, &last);
            }
        }
        5 => start(&mut body, &message),
        6 => {}
        7 => {
            value(&mut body, &message["error"]);
            let allow = message["allowReconnect"].as_bool().unwrap_or_default();
            value(&mut body, &allow.into());
        }
        8 | 9 => value(&mut body, &message["sequenceId"]),
        // Whatever an unknown message may hold.
        _ => value(&mut body, &message),
    }
    framed(&body)
}

/// Bytes of hexadecimal digits, two by two.
pub fn bytes(hex: &str) -> Vec<u8> {
    let digits = hex.split_whitespace();
    digits
        .map(|byte| u8::from_str_radix(byte, 16).expect("two digits"))
        .collect()
}

/// Puts the length in front.
pub fn framed(body: &[u8]) -> Vec<u8> {
    let (mut frame, mut left) = (Vec::new(), body.len());
    while left >= 0x80 {
        frame.push(0x80 | (left & 0x7f).to_le_bytes()[0]);
        left >>= 7;
    }
    frame.push(left.to_le_bytes()[0]);
    frame.extend_from_slice(body);
    frame
}

/// Headers and id, the same in most messages.
fn start(out: &mut Vec<u8>, message: &Value) {
    let headers = message.get("headers");
    value(out, headers.unwrap_or(&Value::Object(Default::default())));
    value(out, &message["invocationId"]);
}

fn value(out: &mut Vec<u8>, from: &Value) {
    let length = |length: usize| u32::try_from(length).expect("a short list");
    match from {
        Value::Null => encode::write_nil(out).expect(TO_MEMORY),
        Value::Bool(bool) => encode::write_bool(out, *bool).expect(TO_MEMORY),
        Value::Number(number) => {
            if let Some(number) = number.as_u64() {
                encode::write_uint(out, number).expect(TO_MEMORY);
            } else if let Some(number) = number.as_i64() {
                encode::write_sint(out, number).expect(TO_MEMORY);
            } else {
                let number = number.as_f64().expect("a number");
                encode::write_f64(out, number).expect(TO_MEMORY);
            }
        }
        Value::String(text) => encode::write_str(out, text).expect(TO_MEMORY),
        Value::Array(list) => {
            encode::write_array_len(out, length(list.len())).expect(TO_MEMORY);
            for element in list {
                value(out, element);
            }
        }
        Value::Object(map) => {
            encode::write_map_len(out, length(map.len())).expect(TO_MEMORY);
            for (key, member) in map {
                encode::write_str(out, key).expect(TO_MEMORY);
                value(out, member);
            }
        }
    }
}

/// Takes the next whole frame out of what was read; its body.
pub fn take_frame(buffer: &mut BytesMut) -> Option<Bytes> {
    let last = buffer.iter().position(|byte| byte & 0x80 == 0)?;
    let digits = buffer[..=last].iter().rev();
    let length = digits.fold(0, |length, digit| length << 7 | usize::from(digit & 0x7f));
    if buffer.len() < last + 1 + length {
        return None;
    }
    let frame = buffer.split_to(last + 1 + length).freeze();
    let body = frame.slice(last + 1..);
    assert_eq!(framed(&body), frame, "the length is written minimally");
    Some(body)
}

/// Shows a message as the JSON of section 5.1. That it is written exactly as .NET writes it is checked on the way.
pub fn show(body: &[u8]) -> String {
    show_from(body, false)
}

/// The same of a client's message.
#[allow(dead_code, reason = "for the tests of our client")]
pub fn show_of_client(body: &[u8]) -> String {
    show_from(body, true)
}

fn show_from(body: &[u8], is_client: bool) -> String {
    let mut reader = Reader {
        rest: body,
        out: String::new(),
    };
    let items = reader.array();
    let kind = reader.integer();
    reader.push(&format!(r#"{{"type":{kind}"#));
    match (kind, items) {
        (1, 6) | (4, 6) if kind == 1 || is_client => {
            reader.start();
            reader.property("target");
            reader.property("arguments");
            if reader.rest == [0x90] {
                reader.rest = &[];
            } else {
                assert!(is_client, "the server uploads nothing");
                reader.property("streamIds");
            }
        }
        (5, 3) if is_client => reader.start(),
        (2, 4) => {
            reader.start();
            reader.property("item");
        }
        (3, _) => {
            reader.start();
            match (reader.integer(), items) {
                (1, 5) => reader.property("error"),
                (2, 4) => {}
                (3, 5) => reader.property("result"),
                other => panic!("kind and items of a completion: {other:?}"),
            }
        }
        (6, 1) => {}
        (7, 3) => {
            if !reader.nil() {
                reader.property("error");
            }
            if decode::read_bool(&mut reader.rest).expect("a bool") {
                reader.push(r#","allowReconnect":true"#);
            }
        }
        (8 | 9, 2) => reader.property("sequenceId"),
        other => panic!("type and items of a message: {other:?}"),
    }
    assert!(reader.rest.is_empty(), "behind the message: {body:x?}");
    reader.push("}");
    reader.out
}

struct Reader<'a> {
    rest: &'a [u8],
    out: String,
}

impl Reader<'_> {
    fn push(&mut self, text: &str) {
        self.out.push_str(text);
    }

    /// No header ever goes to a client; an id may be missing.
    fn start(&mut self) {
        let headers = decode::read_marker(&mut self.rest);
        assert_eq!(headers.expect("headers"), Marker::FixMap(0));
        if !self.nil() {
            self.property("invocationId");
        }
    }

    fn property(&mut self, name: &str) {
        self.push(&format!(r#","{name}":"#));
        self.value();
    }

    fn nil(&mut self) -> bool {
        let nil = self.rest.first() == Some(&0xc0);
        if nil {
            self.rest = &self.rest[1..];
        }
        nil
    }

    fn array(&mut self) -> u32 {
        decode::read_array_len(&mut self.rest).expect("an array")
    }

    fn integer(&mut self) -> i64 {
        decode::read_int(&mut self.rest).expect("an integer")
    }

    fn value(&mut self) {
        match Marker::from_u8(self.rest[0]) {
            Marker::Null => {
                self.nil();
                self.push("null");
            }
            Marker::True | Marker::False => {
                let bool = decode::read_bool(&mut self.rest).expect("a bool");
                self.push(if bool { "true" } else { "false" });
            }
            Marker::F32 => {
                let number = decode::read_f32(&mut self.rest).expect("a float");
                write!(self.out, "{number}").expect(TO_MEMORY);
            }
            Marker::F64 => {
                let number = decode::read_f64(&mut self.rest).expect("a float");
                write!(self.out, "{number}").expect(TO_MEMORY);
            }
            Marker::FixStr(_) | Marker::Str8 | Marker::Str16 | Marker::Str32 => {
                let (text, rest) = decode::read_str_from_slice(self.rest).expect("a text");
                let text = serde_json::to_string(text).expect("a text");
                self.rest = rest;
                self.push(&text);
            }
            Marker::FixArray(_) | Marker::Array16 | Marker::Array32 => self.list(),
            Marker::FixMap(_) | Marker::Map16 | Marker::Map32 => self.map(),
            Marker::Bin8 | Marker::Bin16 | Marker::Bin32 => panic!("JSON has no bytes"),
            _ => {
                let number: i128 = decode::read_int(&mut self.rest).expect("a number");
                write!(self.out, "{number}").expect(TO_MEMORY);
            }
        }
    }

    fn list(&mut self) {
        self.push("[");
        for index in 0..self.array() {
            if index > 0 {
                self.push(",");
            }
            self.value();
        }
        self.push("]");
    }

    fn map(&mut self) {
        let length = decode::read_map_len(&mut self.rest).expect("a map");
        self.push("{");
        for index in 0..length {
            if index > 0 {
                self.push(",");
            }
            let start = self.out.len();
            self.value();
            assert!(self.out[start..].starts_with('"'), "JSON has texts as keys");
            self.push(":");
            self.value();
        }
        self.push("}");
    }
}
