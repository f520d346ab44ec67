//! Calls to clients on their way out: encoded at once, sent when awaited.

use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use tokio::sync::oneshot;

use super::{ConnectionId, Lifetime, Recipients};
use crate::{
    connection::{Answer, BoxFuture, note_question, read_answer},
    error::{Error, Kind},
    packet::Packet,
    protocol::{Arguments, CallResult, HubArg, HubProtocol, InvocationHead},
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
    let protocols = lifetime.protocols(&to);
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
        return InvokeState::Failed(Kind::NotAllowed(text.into()).into()).into();
    }
    let id = lifetime.next_call();
    let protocols = lifetime.protocols(&Recipients::Connection(to.clone()));
    let state = match encode_invocation(protocols, Some(&id), method, arguments) {
        Ok(message) => InvokeState::Ready(Arc::clone(lifetime), id, to, message),
        Err(error) => InvokeState::Failed(error),
    };
    state.into()
}

impl<R> From<InvokeState<R>> for Invoking<R> {
    fn from(state: InvokeState<R>) -> Self {
        Self { state, limit: None }
    }
}

/// A call to one client that is sent when this is awaited, and gives the client's answer.
///
/// A client may take its time, since it may ask a person; [`timeout`](Self::timeout) limits the wait.
///
/// # Example
///
/// ```
/// # use std::time::Duration;
/// # use signalr::{Context, HubError, hub};
/// # struct Bank;
/// # #[hub]
/// # impl Bank {
/// pub async fn pay(&self, cx: &Context<Self>, amount: u32) -> Result<bool, HubError> {
///     let question = cx.clients().caller().invoke::<bool>("confirm", (amount,));
///     match question.timeout(Duration::from_secs(60)).await {
///         Ok(answer) => Ok(answer),
///         Err(error) if error.is_timeout() || error.is_no_handler() => Ok(false),
///         Err(error) => Err(error.into()),
///     }
/// }
/// # }
/// ```
///
/// # Errors
/// - The client has no handler ([`Error::is_no_handler`]), or answers with an error ([`Error::remote_message`]).
/// - Its answer is no `R` ([`Error::is_serialization`]).
/// - It is unknown, or goes away ([`Error::is_closed`]).
/// - The time-out has passed ([`Error::is_timeout`]).
///
/// # Cancel safety
/// Dropping it forgets the call: the client is not told, and a late answer is ignored.
#[must_use = "nothing is sent until this is awaited"]
pub struct Invoking<R> {
    state: InvokeState<R>,
    limit: Option<Duration>,
}

impl<R> Invoking<R> {
    /// Gives up after this long. Default: never.
    ///
    /// The time runs from the first poll. The client is not told, and a late answer is ignored.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.limit = Some(limit);
        self
    }
}

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
    expiry: Option<BoxFuture<()>>,
    answer: oneshot::Receiver<Result<R, Error>>,
}

impl<R: HubArg + 'static> Waiting<R> {
    fn start(
        lifetime: Arc<dyn Lifetime>,
        id: String,
        to: ConnectionId,
        message: OutboundMessage,
        limit: Option<Duration>,
    ) -> Self {
        let (sender, answer) = oneshot::channel();
        let decode: Answer = Box::new(move |payload| {
            let result = payload.and_then(read_answer);
            // Nobody waits any more: the answer is late.
            drop(sender.send(result));
        });
        note_question();
        let sending = Some(lifetime.call(id.clone(), to, message, decode));
        let expiry = limit.map(|limit| lifetime.sleep(limit));
        Self {
            lifetime,
            id,
            sending,
            expiry,
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
        let answer = match Pin::new(&mut self.answer).poll(cx) {
            Poll::Ready(answer) => answer,
            Poll::Pending => {
                let Some(expiry) = &mut self.expiry else {
                    return Poll::Pending;
                };
                ready!(expiry.as_mut().poll(cx));
                return Poll::Ready(Err(Kind::AnswerTimeout.into()));
            }
        };
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

impl<R: CallResult> Future for Invoking<R> {
    type Output = Result<R, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let limit = self.limit;
        let mut waiting = match std::mem::replace(&mut self.state, InvokeState::Done) {
            InvokeState::Failed(error) => return Poll::Ready(Err(error)),
            InvokeState::Ready(lifetime, id, to, message) => {
                Waiting::start(lifetime, id, to, message, limit)
            }
            InvokeState::Waiting(waiting) => waiting,
            InvokeState::Done => return Poll::Pending,
        };
        let result = waiting.poll(cx);
        if result.is_pending() {
            self.state = InvokeState::Waiting(waiting);
        }
        result
    }
}

impl<R> fmt::Debug for Invoking<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Invoking")
    }
}
