//! Uploads on their way out: streams of values that go item by item to the other end.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use futures_core::Stream;

use super::{Outbox, Turn};
use crate::{
    error::Error,
    packet::Packet,
    protocol::{Headers, HubProtocol, HubResult, ItemHead, Outcome, Text},
};

/// The uploads of one call, in the order of the method's parameters. Dropping them tells the other end that they are given up.
#[derive(Default)]
pub(crate) struct Outflows {
    flows: Vec<Outflow>,
    /// Where they go, once the call is encoded.
    to: Option<(Arc<Outbox>, HubProtocol)>,
}

struct Outflow {
    id: String,
    /// What each item begins with, once the call is encoded.
    head: Option<ItemHead>,
    items: Pin<Box<dyn Items>>,
    /// A place in the line of those who wait for room in the queue.
    turn: Option<Turn>,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    /// The end waits in the line.
    Ending,
    Ended,
}

impl Outflows {
    /// Adds an upload.
    #[cfg(test)]
    pub(crate) fn with<S>(mut self, items: S) -> Self
    where
        S: Stream<Item: HubResult> + Send + 'static,
    {
        self.add(items);
        self
    }

    /// Adds an upload.
    pub(crate) fn add<S>(&mut self, items: S)
    where
        S: Stream<Item: HubResult> + Send + 'static,
    {
        self.flows.push(Outflow {
            id: String::new(),
            head: None,
            items: Box::pin(items),
            turn: None,
            state: State::Open,
        });
    }

    /// Gives each upload an id, and all of them a way out.
    pub(super) fn open(
        &mut self,
        outbox: &Arc<Outbox>,
        protocol: HubProtocol,
        id: impl Fn() -> String,
    ) -> Vec<Text<'_>> {
        self.to = Some((Arc::clone(outbox), protocol));
        for flow in &mut self.flows {
            flow.id = id();
            flow.head = Some(protocol.item_head(&Headers::default(), &flow.id));
        }
        self.flows
            .iter()
            .map(|flow| Text::from(&*flow.id))
            .collect()
    }

    /// Sends what is there and has room, an item of each upload by turns: a method may read them side by side. Ready when all
    /// have ended.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some((outbox, protocol)) = &self.to else {
            return Poll::Ready(());
        };
        loop {
            let (mut sent, mut pending) = (false, false);
            let open = self.flows.iter_mut();
            for flow in open.filter(|flow| flow.state != State::Ended) {
                match flow.poll_one(cx, outbox, *protocol) {
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

impl Drop for Outflows {
    fn drop(&mut self) {
        let Some((outbox, protocol)) = &self.to else {
            return;
        };
        let open = self.flows.iter().filter(|flow| flow.state != State::Ended);
        for flow in open {
            let text = "Stream canceled by client.";
            outbox.push(end(*protocol, &flow.id, Some(text.to_owned())));
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
            let ended = ready!(Pin::new(turn).poll(cx)).is_err();
            self.turn = None;
            if ended || self.state == State::Ending {
                self.state = State::Ended;
            }
            return Poll::Ready(());
        }
        let head = self.head.as_ref().expect("made with the id");
        let packet = match ready!(self.items.as_mut().poll_packet(cx, head)) {
            Some(Ok(item)) => item,
            last => {
                self.state = State::Ending;
                // The reader learns that it has not got everything.
                let error = last.and_then(Result::err);
                let error = error.map(|error| format!("Stream errored by client: '{error}'"));
                end(protocol, &self.id, error)
            }
        };
        self.turn = outbox.send(packet);
        if self.turn.is_none() && self.state == State::Ending {
            self.state = State::Ended;
        }
        Poll::Ready(())
    }
}

/// The end of an upload.
fn end(protocol: HubProtocol, id: &str, error: Option<String>) -> Packet {
    let outcome = match error {
        Some(text) => Outcome::<&()>::Error(text.into()),
        None => Outcome::Void,
    };
    let packet = Packet::build(protocol.is_binary(), |out| {
        protocol.write_completion(out, &Headers::default(), id, outcome)
    });
    packet.expect("a completion without result can be written")
}

/// A stream of whatever type, as packets.
trait Items: Send {
    fn poll_packet(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        head: &ItemHead,
    ) -> Poll<Option<Result<Packet, Error>>>;
}

impl<S: Stream<Item: HubResult> + Send> Items for S {
    fn poll_packet(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        head: &ItemHead,
    ) -> Poll<Option<Result<Packet, Error>>> {
        let Some(item) = ready!(self.poll_next(cx)) else {
            return Poll::Ready(None);
        };
        Poll::Ready(Some(Packet::build(head.protocol().is_binary(), |out| {
            head.write(out, &item)
        })))
    }
}
