//! Uploads on their way out: streams of values that go item by item to the other end.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures_core::Stream;

use super::{Outbox, Turn};
use crate::{
    error::Error,
    packet::Packet,
    protocol::{Headers, HubProtocol, HubResult, Outcome, Text},
};

/// The uploads of one call, in the order of the method's parameters.
#[derive(Default)]
pub(crate) struct Outflows(Vec<Outflow>);

struct Outflow {
    id: String,
    items: Pin<Box<dyn Items>>,
    /// A place in the line of those who wait for room in the queue.
    turn: Option<Turn>,
    ended: bool,
}

impl Outflows {
    /// Adds an upload.
    pub(crate) fn with<S>(mut self, items: S) -> Self
    where
        S: Stream<Item: HubResult> + Send + 'static,
    {
        self.0.push(Outflow {
            id: String::new(),
            items: Box::pin(items),
            turn: None,
            ended: false,
        });
        self
    }

    /// Gives each upload an id.
    pub(super) fn name(&mut self, id: impl Fn() -> String) -> Vec<Text<'_>> {
        for outflow in &mut self.0 {
            outflow.id = id();
        }
        self.0
            .iter()
            .map(|outflow| Text::from(&*outflow.id))
            .collect()
    }

    /// Sends what is there and has room, an item of each upload by turns: a method may read them side by side. Ready when all
    /// have ended.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        outbox: &Outbox,
        protocol: HubProtocol,
    ) -> Poll<()> {
        loop {
            let (mut sent, mut pending) = (false, false);
            for outflow in self.0.iter_mut().filter(|outflow| !outflow.ended) {
                match outflow.poll_one(cx, outbox, protocol) {
                    Poll::Ready(()) => sent = true,
                    Poll::Pending => pending = true,
                }
            }
            match (sent, pending) {
                (true, _) => {}
                (false, true) => return Poll::Pending,
                (false, false) => return Poll::Ready(()),
            }
        }
    }
}

impl Outflow {
    /// Sends the next item, or the end.
    fn poll_one(
        &mut self,
        cx: &mut Context<'_>,
        outbox: &Outbox,
        protocol: HubProtocol,
    ) -> Poll<()> {
        if let Some(turn) = &mut self.turn {
            // An error says that the connection has ended.
            self.ended = ready!(Pin::new(turn).poll(cx)).is_err();
            self.turn = None;
        } else {
            let packet = match ready!(self.items.as_mut().poll_packet(cx, protocol, &self.id)) {
                Some(Ok(item)) => item,
                // The reader learns that it has not got everything.
                Some(Err(error)) => self.end(protocol, Some(error.to_string())),
                None => self.end(protocol, None),
            };
            self.turn = outbox.send(&packet);
        }
        Poll::Ready(())
    }

    fn end(&mut self, protocol: HubProtocol, error: Option<String>) -> Packet {
        self.ended = true;
        let outcome = match error {
            Some(text) => Outcome::<&()>::Error(text.into()),
            None => Outcome::Void,
        };
        let packet = Packet::build(protocol.is_binary(), |out| {
            protocol.write_completion(out, &Headers::default(), &self.id, outcome)
        });
        packet.expect("a completion without result can be written")
    }
}

/// A stream of whatever type, as packets.
trait Items: Send {
    fn poll_packet(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        protocol: HubProtocol,
        id: &str,
    ) -> Poll<Option<Result<Packet, Error>>>;
}

impl<S: Stream<Item: HubResult> + Send> Items for S {
    fn poll_packet(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        protocol: HubProtocol,
        id: &str,
    ) -> Poll<Option<Result<Packet, Error>>> {
        let Some(item) = ready!(self.poll_next(cx)) else {
            return Poll::Ready(None);
        };
        Poll::Ready(Some(Packet::build(protocol.is_binary(), |out| {
            protocol.write_stream_item(out, &Headers::default(), id, &item)
        })))
    }
}
