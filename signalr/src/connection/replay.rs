//! Stateful reconnect: what was sent until it is acknowledged, and which of what comes is new (server reference, section 17).

use std::{collections::VecDeque, sync::Arc};

use super::{Acks, Side, control};
use crate::{
    error::Error,
    packet::Packet,
    protocol::{Control, HubProtocol, Message},
    transport::Transport,
};

/// The numbers of one connection. Each end counts the messages that it sends, calls, items, answers and cancellations, from 1.
pub(crate) struct Replay {
    /// Bytes that may be unacknowledged before further messages are held back.
    limit: usize,
    /// Sent and, but for some at the front, not acknowledged.
    kept: VecDeque<Kept>,
    /// Bytes of what is kept and not acknowledged, and of the rest.
    unacked_bytes: usize,
    acked_bytes: usize,
    /// Not sent and without numbers, as too much is unacknowledged.
    held: VecDeque<Packet>,
    held_bytes: usize,
    /// The number of the next message to be sent.
    next: i64,
    acked: i64,
    /// The number up to which the last renewal has repeated. An acknowledgement of these may come from before; the peer, which counts
    /// again from where the repetition began, must not be told a higher number then.
    repeated: i64,
    /// The number of the next message to come, and the highest that has come.
    expected: i64,
    latest: i64,
    /// What comes has no number until the peer has said one.
    unnumbered: bool,
    acks: Arc<Acks>,
    /// Frames that have come, and have had their numbers, while they could not be handled.
    pub(super) parked: Parked,
    /// Still able to repeat.
    keeps: bool,
}

struct Kept {
    /// The number of its last message.
    last: i64,
    packet: Packet,
}

impl Replay {
    pub(crate) fn new(limit: usize, acks: &Arc<Acks>) -> Self {
        Self {
            limit,
            kept: VecDeque::new(),
            unacked_bytes: 0,
            acked_bytes: 0,
            held: VecDeque::new(),
            held_bytes: 0,
            next: 1,
            acked: 0,
            repeated: 0,
            expected: 1,
            latest: 0,
            unnumbered: false,
            acks: Arc::clone(acks),
            parked: Parked::default(),
            keeps: true,
        }
    }

    /// Sends a packet, or holds it back until enough is acknowledged.
    pub(super) fn send(&mut self, packet: Packet, transport: &mut impl Transport) {
        if !self.keeps || packet.counted() == 0 {
            transport.push(packet);
        } else if self.is_blocked() || self.is_full() {
            self.held_bytes += packet.len();
            self.held.push_back(packet);
        } else {
            self.number(packet, transport);
        }
    }

    fn number(&mut self, packet: Packet, transport: &mut impl Transport) {
        self.next += i64::from(packet.counted());
        self.unacked_bytes += packet.len();
        let last = self.next - 1;
        transport.push(packet.clone());
        self.kept.push_back(Kept { last, packet });
    }

    fn is_full(&self) -> bool {
        self.unacked_bytes > self.limit
    }

    /// Whether something waits for an acknowledgement.
    pub(super) fn is_blocked(&self) -> bool {
        !self.held.is_empty()
    }

    /// Bytes of what waits for an acknowledgement.
    pub(super) fn held_bytes(&self) -> usize {
        self.held_bytes
    }

    /// Whether a message is to be handled: always, where nothing is repeated.
    ///
    /// # Errors
    /// As [`take_in`](Self::take_in).
    #[inline]
    pub(super) fn admits(
        this: &mut Option<Box<Self>>,
        message: &Message<'_>,
        side: &impl Side,
        transport: &mut impl Transport,
    ) -> Result<bool, Error> {
        this.as_mut()
            .map_or(Ok(true), |replay| replay.take_in(message, side, transport))
    }

    /// Takes note of a message; whether it is one to be handled.
    ///
    /// # Errors
    /// The peer says a number that it cannot have come to.
    pub(super) fn take_in(
        &mut self,
        message: &Message<'_>,
        side: &impl Side,
        transport: &mut impl Transport,
    ) -> Result<bool, Error> {
        match *message {
            Message::Ping | Message::Close { .. } => Ok(true),
            Message::Ack { sequence_id } => {
                if self.acknowledged(sequence_id, transport) {
                    side.outbox().set_stuck(None);
                }
                Ok(false)
            }
            Message::Sequence { sequence_id } => {
                // All that comes behind it would pass for doubled.
                if sequence_id < 1 {
                    return Err(Error::protocol(format!(
                        "Sequence ID {sequence_id} is the number of no message: the first has 1."
                    )));
                }
                // A peer that was acknowledged more than it has repeated goes on behind that.
                if sequence_id > self.expected.max(self.latest + 1) {
                    return Err(Error::protocol(
                        "Sequence ID greater than amount of messages we've received.",
                    ));
                }
                self.expected = sequence_id;
                self.unnumbered = false;
                transport.heard();
                Ok(false)
            }
            _ if self.unnumbered => Ok(false),
            _ => {
                let number = self.expected;
                self.expected = number.saturating_add(1);
                let is_new = number > self.latest;
                if is_new {
                    self.latest = number;
                    self.acks.set_received(number);
                }
                Ok(is_new)
            }
        }
    }

    /// The peer has everything up to a number; whether that is news.
    fn acknowledged(&mut self, number: i64, transport: &mut impl Transport) -> bool {
        if number <= self.acked || number >= self.next {
            return false;
        }
        let newly = self.kept.iter();
        let newly = newly.skip_while(|kept| kept.last <= self.acked);
        let freed: usize = newly
            .take_while(|kept| kept.last <= number)
            .map(|kept| kept.packet.len())
            .sum();
        self.acked = number;
        self.unacked_bytes -= freed;
        self.acked_bytes += freed;
        let is_sure = number > self.repeated;
        while let Some(kept) = self.kept.front()
            && kept.last <= number
            && (is_sure || self.acked_bytes > self.limit)
        {
            self.acked_bytes -= kept.packet.len();
            self.kept.pop_front();
        }
        self.let_go(transport);
        freed > 0
    }

    /// Sends what was held back, as far as that is possible now.
    fn let_go(&mut self, transport: &mut impl Transport) {
        while !(self.keeps && self.is_full())
            && let Some(packet) = self.held.pop_front()
        {
            self.held_bytes -= packet.len();
            self.send_on(packet, transport);
        }
    }

    fn send_on(&mut self, packet: Packet, transport: &mut impl Transport) {
        if self.keeps {
            self.number(packet, transport);
        } else {
            transport.push(packet);
        }
    }

    /// Whether the peer has said a number on its last link, if that was not the first.
    pub(super) fn is_numbered(&self) -> bool {
        !self.unnumbered
    }

    /// There is another way to the peer: says a number, and repeats all from there.
    pub(super) fn renew(&mut self, protocol: HubProtocol, transport: &mut impl Transport) {
        let front = self.kept.front();
        let sequence_id = front.map_or(self.next, |kept| {
            kept.last + 1 - i64::from(kept.packet.counted())
        });
        transport.push(control(protocol, &Control::Sequence { sequence_id }));
        for kept in &self.kept {
            transport.push(kept.packet.clone());
        }
        self.repeated = self.next - 1;
        self.unnumbered = true;
        self.acks.forget();
    }

    /// Repeats nothing from here on; acknowledges all the same, as the peer may still wait for that.
    pub(super) fn give_up(&mut self, transport: &mut impl Transport) {
        self.keeps = false;
        transport.keep(false);
        self.kept = VecDeque::new();
        self.let_go(transport);
    }

    /// What was held back, at the end of the connection.
    pub(crate) fn into_held(self) -> impl Iterator<Item = Packet> {
        self.held.into_iter()
    }

    /// Whether no more may be put aside.
    pub(super) fn has_parked_enough(&self) -> bool {
        self.parked.bytes > 2 * self.limit + PARKED
    }
}

/// Bytes that may be put aside, beside those that a peer of the same limit may send at once.
const PARKED: usize = 64 * 1024;

/// Frames in the order in which they came.
#[derive(Default)]
pub(super) struct Parked {
    frames: VecDeque<Box<[u8]>>,
    bytes: usize,
}

impl Parked {
    pub(super) fn push(&mut self, frame: &[u8]) {
        self.bytes += frame.len() + size_of::<Box<[u8]>>();
        self.frames.push_back(frame.into());
    }

    pub(super) fn front(&self) -> Option<&[u8]> {
        self.frames.front().map(|frame| &**frame)
    }

    pub(super) fn pop(&mut self) -> Option<Box<[u8]>> {
        let frame = self.frames.pop_front()?;
        self.bytes -= frame.len() + size_of::<Box<[u8]>>();
        Some(frame)
    }
}
