//! Bytes to messages and back, without a connection around them.

use std::hint::black_box;

use signalr::__bench;

use crate::{
    Case,
    messages::{call, masked},
};

const MESSAGES: u64 = 1_000;

pub(crate) const CASES: &[Case] = &[
    ("decode_json", MESSAGES, || decode(false)),
    ("decode_messagepack", MESSAGES, || decode(true)),
    ("encode_json", MESSAGES, || encode(false)),
    ("encode_messagepack", MESSAGES, || encode(true)),
    ("frames_json", MESSAGES, || frames(false)),
    ("frames_messagepack", MESSAGES, || frames(true)),
    ("websocket", MESSAGES, websocket),
];

fn decode(binary: bool) -> Box<dyn FnOnce()> {
    let frame = call(binary, 7);
    // Without its separator or its length.
    let body = if binary {
        frame[1..].to_vec()
    } else {
        frame[..frame.len() - 1].to_vec()
    };
    Box::new(move || {
        for _ in 0..MESSAGES {
            assert!(__bench::decode(binary, black_box(&body)));
        }
    })
}

fn encode(binary: bool) -> Box<dyn FnOnce()> {
    let mut out = Vec::with_capacity(128);
    Box::new(move || {
        for _ in 0..MESSAGES {
            out.clear();
            __bench::encode(
                binary,
                black_box(&mut out),
                "123",
                "thirty-two characters of payload",
            );
        }
    })
}

fn frames(binary: bool) -> Box<dyn FnOnce()> {
    let bytes: Vec<_> = (0..MESSAGES).flat_map(|id| call(binary, id)).collect();
    Box::new(move || {
        assert_eq!(__bench::split(binary, &bytes) as u64, MESSAGES);
    })
}

fn websocket() -> Box<dyn FnOnce()> {
    let bytes: Vec<_> = (0..MESSAGES)
        .flat_map(|id| masked(&call(false, id)))
        .collect();
    Box::new(move || assert!(__bench::unmask(&bytes) > 0))
}
