//! Packets in the order in which they go out, the last of them still open.

use std::collections::VecDeque;

use crate::packet::{Batch, Draft, Packet};

/// What waits to be written to one connection. What is shared by many connections stays as it is; what belongs to this one alone is
/// copied together, as far as nothing else comes between.
#[derive(Debug, Default)]
pub(super) struct Queue {
    /// All but the last: mostly none, since what is there is written soon.
    front: VecDeque<Packet>,
    last: Last,
    bytes: usize,
}

#[derive(Default)]
enum Last {
    #[default]
    None,
    Packet(Packet),
    Open(Batch),
}

impl Queue {
    pub(super) fn push(&mut self, packet: Packet) {
        self.bytes += packet.len();
        self.put(Last::Packet(packet));
    }

    /// Appends to the open batch, or opens one.
    pub(super) fn append(&mut self, draft: Draft) {
        self.bytes += draft.len();
        if let Last::Open(batch) = &mut self.last
            && batch.append(&draft)
        {
            return;
        }
        self.put(if draft.is_long() {
            Last::Packet(draft.into_packet())
        } else {
            Last::Open(Batch::new(&draft))
        });
    }

    pub(super) fn is_empty(&self) -> bool {
        matches!(self.last, Last::None)
    }

    /// Bytes of all hub messages.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn for_each(self, mut each: impl FnMut(Packet)) {
        self.front.into_iter().for_each(&mut each);
        self.last.into_packet().into_iter().for_each(each);
    }

    fn put(&mut self, next: Last) {
        let before = std::mem::replace(&mut self.last, next);
        self.front.extend(before.into_packet());
    }
}

impl Last {
    fn into_packet(self) -> Option<Packet> {
        match self {
            Self::None => None,
            Self::Packet(packet) => Some(packet),
            Self::Open(batch) => Some(batch.into_packet()),
        }
    }
}

impl std::fmt::Debug for Last {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Packet(_) => "Packet",
            Self::Open(_) => "Open",
        })
    }
}
