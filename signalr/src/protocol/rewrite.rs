//! For tests: messages that were read, written again.

use super::{Control, HubProtocol, InvocationHead, Message, Outcome};

/// Writes a message that was read.
pub(super) fn rewrite(protocol: HubProtocol, message: &Message<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    let written = match message {
        Message::Invocation(invocation) => {
            let head = InvocationHead {
                streaming: invocation.streaming,
                headers: invocation.headers.clone(),
                id: invocation.id.as_deref(),
                target: &invocation.target,
                stream_ids: Some(&*invocation.stream_ids).filter(|ids| !ids.is_empty()),
            };
            protocol.write_invocation(&mut out, &head, &invocation.arguments)
        }
        Message::StreamItem { headers, id, item } => {
            protocol.item_head(headers, id).write(&mut out, item)
        }
        Message::Completion {
            headers,
            id,
            outcome,
        } => {
            let outcome = match outcome {
                Outcome::Void => Outcome::Void,
                Outcome::Result(result) => Outcome::Result(result),
                Outcome::Error(error) => Outcome::Error(error.clone()),
            };
            protocol.write_completion(&mut out, headers, id, outcome)
        }
        other => {
            protocol.write_control(&mut out, &control(other));
            Ok(())
        }
    };
    written.expect("known values can be written");
    out
}

fn control<'a>(message: &'a Message<'_>) -> Control<'a> {
    match message {
        Message::CancelInvocation { headers, id } => Control::CancelInvocation {
            headers: headers.clone(),
            id,
        },
        Message::Ping => Control::Ping,
        Message::Close {
            error,
            allow_reconnect,
        } => Control::Close {
            error: error.as_deref(),
            allow_reconnect: *allow_reconnect,
        },
        Message::Ack { sequence_id } => Control::Ack {
            sequence_id: *sequence_id,
        },
        Message::Sequence { sequence_id } => Control::Sequence {
            sequence_id: *sequence_id,
        },
        other => panic!("{other:?} holds a user value"),
    }
}
