//! Calls to clients on their way out: encoded at once, sent when awaited.

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use tokio::sync::oneshot;

use super::{ConnectionId, Lifetime, Recipients, turn};
use crate::{
    connection::{Answer, BoxFuture},
    error::{Error, Kind},
    hub_error::short_type_name,
    packet::Packet,
    protocol::{Arguments, HubArg, HubProtocol, InvocationHead, Source},
};

/// A message to clients, encoded once for each protocol that its recipients may speak.
#[derive(Clone, Debug)]
pub struct OutboundMessage {
    /// By the protocols' places.
    packets: [Option<Packet>; HubProtocol::ALL.len()],
}

impl OutboundMessage {
    /// The encoded hub message for connections of a protocol, with its framing.
    #[must_use]
    pub fn payload(&self, protocol: HubProtocol) -> Option<Bytes> {
        self.packet(protocol).map(Packet::payload)
    }

    pub(crate) fn packet(&self, protocol: HubProtocol) -> Option<&Packet> {
        self.packets[protocol.index()].as_ref()
    }
}

/// Encodes a call once for each protocol.
fn encode_invocation<A: Arguments>(
    protocols: &[HubProtocol],
    id: Option<&str>,
    target: &str,
    arguments: &A,
) -> Result<OutboundMessage, Error> {
    let head = InvocationHead {
        id,
        target,
        ..InvocationHead::default()
    };
    let encode = |protocol: HubProtocol| {
        Packet::build(protocol.is_binary(), |out| {
            protocol.write_invocation(out, &head, arguments)
        })
    };
    let mut packets = [const { None }; HubProtocol::ALL.len()];
    for &protocol in protocols {
        packets[protocol.index()] = Some(encode(protocol)?);
    }
    Ok(OutboundMessage { packets })
}

pub(super) fn send<A: Arguments>(
    lifetime: &Arc<dyn Lifetime>,
    to: Recipients,
    method: &str,
    arguments: &A,
) -> Sending {
    if let Recipients::Groups(names) = &to
        && names.iter().any(|name| name.is_empty())
    {
        return Sending(SendState::Failed(Kind::EmptyGroupName.into()));
    }
    let protocols = lifetime.protocols();
    Sending(
        match encode_invocation(protocols, None, method, arguments) {
            Ok(message) => SendState::Ready(Arc::clone(lifetime), to, message),
            Err(error) => SendState::Failed(error),
        },
    )
}

/// A message that is sent when this is awaited.
///
/// Completes when every recipient's queue has taken the message, not when it has arrived. A recipient that reads too slowly makes
/// it wait (see [`send_queue_limit`](crate::HubServerBuilder::send_queue_limit)), without holding up the others; recipients that go
/// away meanwhile are no error.
///
/// # Errors
/// An argument cannot be serialized (nobody has got anything then), a name for `groups` is empty, or the backplane fails.
///
/// # Cancel safety
/// Dropped before the first poll, nothing is sent. Dropped later, recipients whose queue is full may miss the message.
#[must_use = "nothing is sent until this is awaited"]
pub struct Sending(SendState);

enum SendState {
    Failed(Error),
    Ready(Arc<dyn Lifetime>, Recipients, OutboundMessage),
    Running(BoxFuture<Result<(), Error>>),
    Done,
}

impl Future for Sending {
    type Output = Result<(), Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut running = match std::mem::replace(&mut self.0, SendState::Done) {
            SendState::Failed(error) => return Poll::Ready(Err(error)),
            SendState::Ready(lifetime, to, message) => lifetime.send(to, message),
            SendState::Running(running) => running,
            SendState::Done => return Poll::Ready(Ok(())),
        };
        let result = running.as_mut().poll(cx);
        if result.is_pending() {
            self.0 = SendState::Running(running);
        }
        result
    }
}

impl fmt::Debug for Sending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sending")
    }
}

pub(super) fn invoke<R: HubArg + 'static, A: Arguments>(
    lifetime: &Arc<dyn Lifetime>,
    to: ConnectionId,
    denied: Option<&'static str>,
    method: &str,
    arguments: &A,
) -> Invoking<R> {
    if let Some(text) = denied {
        return Invoking(InvokeState::Failed(Kind::NotAllowed(text.into()).into()));
    }
    let id = lifetime.next_call();
    let protocols = lifetime.protocols();
    Invoking(
        match encode_invocation(protocols, Some(&id), method, arguments) {
            Ok(message) => InvokeState::Ready(Arc::clone(lifetime), id, to, message),
            Err(error) => InvokeState::Failed(error),
        },
    )
}

/// A call to one client that is sent when this is awaited, and gives the client's answer.
///
/// # Errors
/// The client has no handler, answers with an error or with something that is no `R`, is unknown, or goes away.
///
/// # Cancel safety
/// Dropping it forgets the call: the client is not told, and a late answer is ignored. There is no time-out of its own; wrap it in
/// `tokio::time::timeout`.
#[must_use = "nothing is sent until this is awaited"]
pub struct Invoking<R>(InvokeState<R>);

enum InvokeState<R> {
    Failed(Error),
    Ready(Arc<dyn Lifetime>, String, ConnectionId, OutboundMessage),
    Waiting(Waiting<R>),
    Done,
}

struct Waiting<R> {
    lifetime: Arc<dyn Lifetime>,
    id: String,
    sending: Option<BoxFuture<Result<(), Error>>>,
    answer: oneshot::Receiver<Result<R, Error>>,
}

impl<R: HubArg + 'static> Waiting<R> {
    fn start(
        lifetime: Arc<dyn Lifetime>,
        id: String,
        to: ConnectionId,
        message: OutboundMessage,
    ) -> Self {
        let (sender, answer) = oneshot::channel();
        let decode: Answer = Box::new(move |payload| {
            let result = payload.and_then(|payload| {
                let name = short_type_name::<R>();
                let unfit = |reason: &dyn fmt::Display| {
                    let text = format!("Error trying to deserialize result to {name}. {reason}");
                    Error::from(Kind::Remote(text))
                };
                // A user's `Deserialize` may panic; that costs the question.
                let read = AssertUnwindSafe(|| R::read(&mut Source::single(payload)));
                match catch_unwind(read) {
                    Ok(result) => result.map_err(|error| unfit(&error)),
                    Err(_) => Err(unfit(&"The type panicked.")),
                }
            });
            // Nobody waits any more: the answer is late.
            drop(sender.send(result));
        });
        turn::note_question();
        let sending = Some(lifetime.call(id.clone(), to, message, decode));
        Self {
            lifetime,
            id,
            sending,
            answer,
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<R, Error>> {
        if let Some(sending) = &mut self.sending
            && let Poll::Ready(sent) = sending.as_mut().poll(cx)
        {
            self.sending = None;
            sent?;
        }
        let answer = ready!(Pin::new(&mut self.answer).poll(cx));
        Poll::Ready(
            answer.unwrap_or_else(|_| {
                Err(Kind::NotConnected("the server has shut down".into()).into())
            }),
        )
    }
}

impl<R> Drop for Waiting<R> {
    fn drop(&mut self) {
        self.lifetime.forget_call(&self.id);
    }
}

impl<R> Unpin for Invoking<R> {}

impl<R: HubArg + 'static> Future for Invoking<R> {
    type Output = Result<R, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut waiting = match std::mem::replace(&mut self.0, InvokeState::Done) {
            InvokeState::Failed(error) => return Poll::Ready(Err(error)),
            InvokeState::Ready(lifetime, id, to, message) => {
                Waiting::start(lifetime, id, to, message)
            }
            InvokeState::Waiting(waiting) => waiting,
            InvokeState::Done => return Poll::Pending,
        };
        let result = waiting.poll(cx);
        if result.is_pending() {
            self.0 = InvokeState::Waiting(waiting);
        }
        result
    }
}

impl<R> fmt::Debug for Invoking<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Invoking")
    }
}
