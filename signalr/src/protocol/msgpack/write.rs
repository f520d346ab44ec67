//! Writing by position, each frame behind its length (sections 2.2 and 6.1).

use rmp::encode;

use crate::{
    error::Error,
    protocol::{
        Arguments, Control, Headers, HubProtocol, HubResult, InvocationHead, Outcome, ValueWriter,
        framing,
    },
};

/// Why nothing here fails: memory takes all that is written.
const TO_MEMORY: &str = "memory takes what is written";

pub(in crate::protocol) fn invocation<A: Arguments + ?Sized>(
    out: &mut Vec<u8>,
    head: &InvocationHead<'_>,
    arguments: &A,
) -> Result<(), Error> {
    framing::write_binary(out, |out| {
        open(out, 6, if head.streaming { 4 } else { 1 });
        headers(out, &head.headers);
        text_or_nil(out, head.id);
        text(out, head.target);
        arguments.write(&mut ValueWriter::new(HubProtocol::MessagePack, out))?;
        let ids = head.stream_ids.unwrap_or_default();
        array(out, ids.len());
        for id in ids {
            text(out, id);
        }
        Ok(())
    })
}

pub(in crate::protocol) fn item_head(out: &mut Vec<u8>, headers_: &Headers<'_>, id: &str) {
    open(out, 4, 2);
    headers(out, headers_);
    text(out, id);
}

pub(in crate::protocol) fn stream_item<T: HubResult + ?Sized>(
    out: &mut Vec<u8>,
    head: &[u8],
    item: &T,
) -> Result<(), Error> {
    framing::write_binary(out, |out| {
        out.extend_from_slice(head);
        item.write(&mut ValueWriter::new(HubProtocol::MessagePack, out))
    })
}

pub(in crate::protocol) fn completion<T: HubResult + ?Sized>(
    out: &mut Vec<u8>,
    headers_: &Headers<'_>,
    id: &str,
    outcome: Outcome<'_, &T>,
) -> Result<(), Error> {
    let (items, kind) = match outcome {
        Outcome::Error(_) => (5, 1),
        Outcome::Void => (4, 2),
        Outcome::Result(_) => (5, 3),
    };
    framing::write_binary(out, |out| {
        open(out, items, 3);
        headers(out, headers_);
        text(out, id);
        integer(out, kind);
        match outcome {
            Outcome::Error(error) => text(out, &error),
            Outcome::Void => {}
            Outcome::Result(result) => {
                result.write(&mut ValueWriter::new(HubProtocol::MessagePack, out))?;
            }
        }
        Ok(())
    })
}

pub(in crate::protocol) fn control(out: &mut Vec<u8>, control: &Control<'_>) {
    let written: Result<(), std::convert::Infallible> = framing::write_binary(out, |out| {
        match control {
            Control::CancelInvocation { headers: head, id } => {
                open(out, 3, 5);
                headers(out, head);
                text(out, id);
            }
            Control::Ping => open(out, 1, 6),
            Control::Close {
                error,
                allow_reconnect,
            } => {
                open(out, 3, 7);
                text_or_nil(out, *error);
                encode::write_bool(out, *allow_reconnect).expect(TO_MEMORY);
            }
            Control::Ack { sequence_id } => {
                open(out, 2, 8);
                signed(out, *sequence_id);
            }
            Control::Sequence { sequence_id } => {
                open(out, 2, 9);
                signed(out, *sequence_id);
            }
        }
        Ok(())
    });
    let Ok(()) = written;
}

/// The header of a list of values.
pub(in crate::protocol) fn array(out: &mut Vec<u8>, length: usize) {
    let length = u32::try_from(length).expect("no list in memory is that long");
    encode::write_array_len(out, length).expect(TO_MEMORY);
}

fn open(out: &mut Vec<u8>, items: usize, kind: u64) {
    array(out, items);
    integer(out, kind);
}

fn headers(out: &mut Vec<u8>, Headers(headers): &Headers<'_>) {
    let length = u32::try_from(headers.len()).expect("there are few headers");
    encode::write_map_len(out, length).expect(TO_MEMORY);
    for (key, value) in headers {
        text(out, key);
        text(out, value);
    }
}

fn integer(out: &mut Vec<u8>, value: u64) {
    encode::write_uint(out, value).expect(TO_MEMORY);
}

fn signed(out: &mut Vec<u8>, value: i64) {
    encode::write_sint(out, value).expect(TO_MEMORY);
}

fn text(out: &mut Vec<u8>, text: &str) {
    encode::write_str(out, text).expect(TO_MEMORY);
}

/// Nothing and an empty text are nil.
fn text_or_nil(out: &mut Vec<u8>, value: Option<&str>) {
    match value.filter(|text| !text.is_empty()) {
        Some(value) => text(out, value),
        None => encode::write_nil(out).expect(TO_MEMORY),
    }
}
