//! Messages of the connection itself.

use crate::{
    packet::Packet,
    protocol::{Control, HubProtocol},
};

/// Encodes a message that has no number: a ping, a goodbye, an acknowledgement.
pub(crate) fn control(protocol: HubProtocol, message: &Control<'_>) -> Packet {
    Packet::control(protocol.is_binary(), |out| {
        protocol.write_control(out, message);
    })
}
