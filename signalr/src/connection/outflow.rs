//! Uploads on their way out: streams of values that go item by item to the other end.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use futures_core::Stream;

use super::{Outbox, Turn, outbox::has_come};
use crate::{
    error::Error,
    packet::Packet,
    protocol::{Headers, HubProtocol, HubResult, ItemHead, Outcome, Text},
};

/// How many items of each upload go out at once, before others have their turn.
const BURST: usize = 64;

/// The connection has ended: what is uploaded goes nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Closed;

/// The uploads of one call, in the order of the method's parameters. Dropping them tells the other end that they are given up, if it
/// gets to know of them.
#[derive(Default)]
pub(crate) struct Outflows {
    flows: Vec<Outflow>,
    /// Where they go, once the call is encoded.
    to: Option<(Arc<Outbox>, HubProtocol)>,
    /// Whether the call is queued.
    is_announced: bool,
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

    /// The call is queued: what is uploaded has somebody who reads it.
    pub(super) fn announce(&mut self) {
        self.is_announced = true;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.flows.is_empty()
    }

    /// Whether all have gone out to their ends.
    pub(super) fn is_whole(&self) -> bool {
        self.flows.iter().all(|flow| flow.state == State::Ended)
    }

    /// Sends what is there and has room, an item of each upload by turns: a method may read them side by side. Ready when all
    /// have ended.
    ///
    /// # Errors
    /// The connection has ended before.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Closed>> {
        let Some((outbox, protocol)) = &self.to else {
            return Poll::Ready(Ok(()));
        };
        for _ in 0..BURST {
            let (mut sent, mut pending) = (false, false);
            let open = self.flows.iter_mut();
            for flow in open.filter(|flow| flow.state != State::Ended) {
                match flow.poll_one(cx, outbox, *protocol)? {
                    Poll::Ready(()) => sent = true,
                    Poll::Pending => pending = true,
                }
            }
            match (sent, pending) {
                (true, _) => {}
                (false, true) => return Poll::Pending,
                (false, false) => return Poll::Ready(Ok(())),
            }
        }
        // A stream that always has another item, on a way that always has room, must not keep the thread.
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Drop for Outflows {
    fn drop(&mut self) {
        let Some((outbox, protocol)) = self.to.as_ref().filter(|_| self.is_announced) else {
            return;
        };
        for flow in &mut self.flows {
            if !flow.has_ended() {
                let text = "Stream canceled by client.";
                outbox.push(end(*protocol, &flow.id, Some(text.to_owned())));
            }
        }
    }
}

impl Outflow {
    /// Gives up waiting for room; whether the end is queued.
    fn has_ended(&mut self) -> bool {
        let is_queued = self.turn.take().is_some_and(has_come);
        self.state == State::Ended || (self.state == State::Ending && is_queued)
    }

    /// Sends the next item, or the end.
    fn poll_one(
        &mut self,
        cx: &mut Context<'_>,
        outbox: &Outbox,
        protocol: HubProtocol,
    ) -> Poll<Result<(), Closed>> {
        if let Some(turn) = &mut self.turn {
            let turned = ready!(Pin::new(turn).poll(cx));
            self.turn = None;
            if turned.is_ok() && self.state == State::Ending {
                self.state = State::Ended;
            }
            return Poll::Ready(turned.map_err(|_| Closed));
        }
        if outbox.is_ended() {
            return Poll::Ready(Err(Closed));
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
        if self.turn.is_none() {
            // What an ended connection is given vanishes.
            if outbox.is_ended() {
                return Poll::Ready(Err(Closed));
            }
            if self.state == State::Ending {
                self.state = State::Ended;
            }
        }
        Poll::Ready(Ok(()))
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

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicUsize, Ordering::Relaxed},
        task::{Wake, Waker},
    };

    use futures_util::stream;

    use super::*;
    use crate::connection::Signal;

    struct Wakes(AtomicUsize);

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Relaxed);
        }
    }

    /// An upload of a stream without end that is always ready, and how much of it was taken.
    fn endless(outbox: &Arc<Outbox>) -> (Outflows, Arc<AtomicUsize>) {
        let taken = Arc::<AtomicUsize>::default();
        let count = Arc::clone(&taken);
        let items = stream::repeat_with(move || count.fetch_add(1, Relaxed));
        let mut flows = Outflows::default().with(items);
        flows.open(outbox, HubProtocol::Json, || "1".to_owned());
        (flows, taken)
    }

    #[test]
    fn a_stream_that_is_always_ready_gives_way_and_goes_on() {
        let outbox = Arc::new(Outbox::new(usize::MAX));
        let (mut flows, taken) = endless(&outbox);
        let wakes = Arc::new(Wakes(AtomicUsize::new(0)));
        let waker = Waker::from(Arc::clone(&wakes));
        for round in 1..=3 {
            assert!(flows.poll(&mut Context::from_waker(&waker)).is_pending());
            let counts = (taken.load(Relaxed), wakes.0.load(Relaxed));
            assert_eq!(counts, (round * BURST, round));
        }
    }

    #[test]
    fn nothing_is_taken_of_a_stream_when_the_connection_has_ended() {
        let outbox = Arc::new(Outbox::new(1));
        let (mut flows, taken) = endless(&outbox);
        let mut cx = Context::from_waker(Waker::noop());
        // One is queued, and one waits in line.
        assert!(flows.poll(&mut cx).is_pending());
        assert_eq!(taken.load(Relaxed), 2);
        outbox.signal(Signal::Abort);
        for _ in 0..2 {
            assert_eq!(flows.poll(&mut cx), Poll::Ready(Err(Closed)));
        }
        assert!(!flows.is_whole());
        assert_eq!(taken.load(Relaxed), 2);
    }
}
