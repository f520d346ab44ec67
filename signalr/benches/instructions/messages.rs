//! What clients send, by hand.

use serde::Serialize;

const PAYLOAD: &str = "thirty-two characters of payload";

/// A call of `echo`, in the property order of the .NET client.
pub(crate) fn call(binary: bool, id: u64) -> Vec<u8> {
    let id = id.to_string();
    if binary {
        let none: [&str; 0] = [];
        let headers = std::collections::BTreeMap::<&str, &str>::new();
        return packed(&(1, headers, Some(id), "Echo", (PAYLOAD,), none));
    }
    text(&format!(
        r#"{{"type":1,"invocationId":"{id}","target":"Echo","arguments":["{PAYLOAD}"]}}"#
    ))
}

/// A call of `send_nothing`, without id.
pub(crate) fn notice(binary: bool) -> Vec<u8> {
    if binary {
        let none: [&str; 0] = [];
        let headers = std::collections::BTreeMap::<&str, &str>::new();
        return packed(&(1, headers, None::<&str>, "SendNothing", (PAYLOAD,), none));
    }
    text(&format!(
        r#"{{"type":1,"target":"SendNothing","arguments":["{PAYLOAD}"]}}"#
    ))
}

/// A call whose result is a stream of numbers.
pub(crate) fn counter(binary: bool, count: u64) -> Vec<u8> {
    if binary {
        let none: [&str; 0] = [];
        let headers = std::collections::BTreeMap::<&str, &str>::new();
        return packed(&(4, headers, Some("1"), "Counter", (count,), none));
    }
    text(&format!(
        r#"{{"type":4,"invocationId":"1","target":"Counter","arguments":[{count}]}}"#
    ))
}

/// A call with an upload of so many texts, and its end.
pub(crate) fn upload(binary: bool, count: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    let headers = std::collections::BTreeMap::<&str, &str>::new();
    let none: [&str; 0] = [];
    if binary {
        bytes.extend(packed(&(1, &headers, Some("1"), "Upload", none, ("2",))));
    } else {
        bytes.extend(text(
            r#"{"type":1,"invocationId":"1","target":"Upload","arguments":[],"streamIds":["2"]}"#,
        ));
    }
    for _ in 0..count {
        bytes.extend(if binary {
            packed(&(2, &headers, "2", PAYLOAD))
        } else {
            text(&format!(
                r#"{{"type":2,"invocationId":"2","item":"{PAYLOAD}"}}"#
            ))
        });
    }
    bytes.extend(if binary {
        packed(&(3, &headers, "2", 2))
    } else {
        text(r#"{"type":3,"invocationId":"2"}"#)
    });
    bytes
}

/// A broadcast, without id.
pub(crate) fn broadcast(binary: bool) -> Vec<u8> {
    if binary {
        let none: [&str; 0] = [];
        let headers = std::collections::BTreeMap::<&str, &str>::new();
        return packed(&(1, headers, None::<&str>, "Broadcast", (PAYLOAD,), none));
    }
    text(&format!(
        r#"{{"type":1,"target":"Broadcast","arguments":["{PAYLOAD}"]}}"#
    ))
}

fn text(message: &str) -> Vec<u8> {
    [message.as_bytes(), &[0x1e]].concat()
}

/// Behind its length, which fits one byte.
fn packed(message: &impl Serialize) -> Vec<u8> {
    let body = rmp_serde::to_vec(message).expect("plain values");
    let length = u8::try_from(body.len()).expect("a short message");
    assert!(length < 0x80, "one byte");
    [&[length], &body[..]].concat()
}

/// One WebSocket frame of a client.
pub(crate) fn masked(payload: &[u8]) -> Vec<u8> {
    const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
    let length = u8::try_from(payload.len()).expect("a short message");
    assert!(length < 126, "one byte");
    let mut frame = vec![0x81, 0x80 | length];
    frame.extend(MASK);
    frame.extend(
        payload
            .iter()
            .zip(MASK.iter().cycle())
            .map(|(byte, mask)| byte ^ mask),
    );
    frame
}
