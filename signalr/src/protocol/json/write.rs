//! Writing, in the property order of section 5.1 and without white space.

use std::io;

use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, Serializer};

use crate::{
    error::Error,
    protocol::{
        Arguments, Control, Headers, HubProtocol, HubResult, InvocationHead, Outcome, Text,
        ValueWriter, framing::RECORD_SEPARATOR,
    },
};

pub(in crate::protocol) fn invocation<A: Arguments + ?Sized>(
    out: &mut Vec<u8>,
    head: &InvocationHead<'_>,
    arguments: &A,
) -> Result<(), Error> {
    open(
        out,
        if head.streaming { 4 } else { 1 },
        &head.headers,
        head.id,
    );
    out.extend_from_slice(br#","target":"#);
    text(out, head.target);
    out.extend_from_slice(br#","arguments":"#);
    arguments.write(&mut ValueWriter::new(HubProtocol::Json, out))?;
    if let Some(ids) = head.stream_ids {
        stream_ids(out, ids);
    }
    close(out);
    Ok(())
}

pub(in crate::protocol) fn item_head(out: &mut Vec<u8>, headers: &Headers<'_>, id: &str) {
    open(out, 2, headers, Some(id));
    out.extend_from_slice(br#","item":"#);
}

pub(in crate::protocol) fn stream_item<T: HubResult + ?Sized>(
    out: &mut Vec<u8>,
    head: &[u8],
    item: &T,
) -> Result<(), Error> {
    out.extend_from_slice(head);
    item.write(&mut ValueWriter::new(HubProtocol::Json, out))?;
    close(out);
    Ok(())
}

pub(in crate::protocol) fn completion<T: HubResult + ?Sized>(
    out: &mut Vec<u8>,
    headers: &Headers<'_>,
    id: &str,
    outcome: Outcome<'_, &T>,
) -> Result<(), Error> {
    open(out, 3, headers, Some(id));
    match outcome {
        Outcome::Result(result) => {
            out.extend_from_slice(br#","result":"#);
            result.write(&mut ValueWriter::new(HubProtocol::Json, out))?;
        }
        // An empty error text degenerates to the void form in JSON.
        Outcome::Error(error) if !error.is_empty() => {
            out.extend_from_slice(br#","error":"#);
            text(out, &error);
        }
        Outcome::Error(_) | Outcome::Void => {}
    }
    close(out);
    Ok(())
}

pub(in crate::protocol) fn control(out: &mut Vec<u8>, control: &Control<'_>) {
    match control {
        Control::CancelInvocation { headers, id } => open(out, 5, headers, Some(id)),
        Control::Ping => out.extend_from_slice(br#"{"type":6"#),
        Control::Close {
            error,
            allow_reconnect,
        } => {
            out.extend_from_slice(br#"{"type":7"#);
            if let Some(error) = error {
                out.extend_from_slice(br#","error":"#);
                text(out, error);
            }
            if *allow_reconnect {
                out.extend_from_slice(br#","allowReconnect":true"#);
            }
        }
        Control::Ack { sequence_id } => sequence(out, 8, *sequence_id),
        Control::Sequence { sequence_id } => sequence(out, 9, *sequence_id),
    }
    close(out);
}

/// Writes a user's value.
pub(in crate::protocol) fn value<T: Serialize + ?Sized>(
    out: &mut Vec<u8>,
    value: &T,
) -> Result<(), serde_json::Error> {
    value.serialize(&mut Serializer::with_formatter(out, Wire))
}

fn open(out: &mut Vec<u8>, kind: u8, headers: &Headers<'_>, id: Option<&str>) {
    out.extend_from_slice(br#"{"type":"#);
    out.push(b'0' + kind);
    if !headers.0.is_empty() {
        out.extend_from_slice(br#","headers":{"#);
        for (index, (key, value)) in headers.0.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            text(out, key);
            out.push(b':');
            text(out, value);
        }
        out.push(b'}');
    }
    if let Some(id) = id.filter(|id| !id.is_empty()) {
        out.extend_from_slice(br#","invocationId":"#);
        text(out, id);
    }
}

fn stream_ids(out: &mut Vec<u8>, ids: &[Text<'_>]) {
    out.extend_from_slice(br#","streamIds":["#);
    for (index, id) in ids.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        text(out, id);
    }
    out.push(b']');
}

fn sequence(out: &mut Vec<u8>, kind: u8, sequence_id: i64) {
    open(out, kind, &Headers::default(), None);
    out.extend_from_slice(br#","sequenceId":"#);
    out.extend_from_slice(sequence_id.to_string().as_bytes());
}

fn close(out: &mut Vec<u8>) {
    out.extend_from_slice(&[b'}', RECORD_SEPARATOR]);
}

fn text(out: &mut Vec<u8>, text: &str) {
    serde_json::to_writer(out, text).expect("a string can be written to memory");
}

/// serde_json's compact output with .NET's habits (section 5.4): whole floats without `.0`.
struct Wire;

impl Formatter for Wire {
    fn write_f32<W: ?Sized + io::Write>(&mut self, out: &mut W, value: f32) -> io::Result<()> {
        if is_plain_integer(value.into()) {
            return write!(out, "{value}");
        }
        CompactFormatter.write_f32(out, value)
    }

    fn write_f64<W: ?Sized + io::Write>(&mut self, out: &mut W, value: f64) -> io::Result<()> {
        if is_plain_integer(value) {
            return write!(out, "{value}");
        }
        CompactFormatter.write_f64(out, value)
    }
}

/// Whole and small enough to be written digit by digit in either notation.
fn is_plain_integer(value: f64) -> bool {
    value.fract() == 0.0 && value.abs() < 1e15
}
