//! How servers end WebSockets.

use crate::{
    error::{Error, Kind},
    transport::Read,
};

/// What a server's close frame means, by its status code.
pub(super) fn closed(code: Option<u16>, reason: &str) -> Result<Read, Error> {
    // The names are .NET's.
    let status = match code {
        None => "Empty",
        Some(1000) => return Ok(Read::End),
        Some(1001) => "EndpointUnavailable",
        Some(1002) => "ProtocolError",
        Some(1003) => "InvalidMessageType",
        Some(1007) => "InvalidPayloadData",
        Some(1008) => "PolicyViolation",
        Some(1009) => "MessageTooBig",
        Some(1010) => "MandatoryExtension",
        Some(1011) => "InternalServerError",
        Some(other) => return Err(failure(&other.to_string(), reason)),
    };
    Err(failure(status, reason))
}

fn failure(status: &str, reason: &str) -> Error {
    let mut text = format!("Websocket closed with error: {status}.");
    if !reason.is_empty() {
        text = format!("{text} The server's reason: {reason}");
    }
    Kind::NotConnected(text.into()).into()
}
