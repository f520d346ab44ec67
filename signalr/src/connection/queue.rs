//! Packets in the order in which they go out, the last of them still open.

use std::collections::VecDeque;

use crate::packet::{Batch, Draft, Packet};

/// What waits to be written to one connection. What is shared by many connections stays as it is; what belongs to this one alone is
/// copied together, as far as nothing else comes between.
#[derive(Debug, Default)]
#[repr(C)] // What each send looks at comes first.
pub(super) struct Queue {
    bytes: usize,
    last: Last,
    /// All but the last: mostly none, since what is there is written soon.
    front: VecDeque<Packet>,
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
        if draft.is_long() {
            return self.put(Last::Packet(draft.into_packet()));
        }
        if let Last::Open(batch) = &mut self.last
            && batch.append(&draft)
        {
            return;
        }
        self.put(Last::Open(Batch::new(&draft)));
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

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(binary: bool, byte: u8, length: usize) -> Draft {
        let written = Draft::write(binary, |out| {
            out.resize(out.len() + length, byte);
            Ok::<_, ()>(())
        });
        written.expect("writing cannot fail")
    }

    fn payloads(queue: Queue) -> Vec<Vec<u8>> {
        let mut payloads = Vec::new();
        queue.for_each(|packet| payloads.push(packet.payload().to_vec()));
        payloads
    }

    #[test]
    fn drafts_become_one_packet_and_packets_between_them_keep_their_place() {
        let mut queue = Queue::default();
        assert!(queue.is_empty());
        queue.append(draft(false, b'a', 2));
        queue.append(draft(false, b'b', 3));
        queue.push(draft(false, b'c', 1).into_packet());
        queue.append(draft(false, b'd', 1));
        queue.append(draft(true, b'e', 1));
        assert!(!queue.is_empty());
        assert_eq!(queue.bytes(), 8);
        assert_eq!(payloads(queue), [&b"aabbb"[..], b"c", b"d", b"e"]);
    }

    #[test]
    fn a_batch_is_bounded_and_a_long_message_is_alone() {
        const KIB: usize = 1024;
        let mut queue = Queue::default();
        for _ in 0..100 {
            queue.append(draft(false, b'a', KIB));
        }
        queue.append(draft(false, b'b', 17 * KIB));
        queue.append(draft(false, b'c', KIB));
        assert_eq!(queue.bytes(), 118 * KIB);
        let lengths: Vec<_> = payloads(queue).iter().map(Vec::len).collect();
        let expected = [32, 32, 32, 4, 17, 1].map(|length| length * KIB);
        assert_eq!(lengths, expected);
    }
}
