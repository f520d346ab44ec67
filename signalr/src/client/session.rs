//! One connection, from the handshake to its end.

use std::{
    future::poll_fn,
    pin::pin,
    sync::{Arc, RwLock},
    task::{Context, Poll},
    time::Duration,
};

use tokio_util::sync::CancellationToken;

use super::{
    connector::Connected,
    options::Options,
    redial::Redialing,
    rt::{self, sleep, timeout},
    shared::Line,
    side::ClientSide,
};
use crate::{
    connection::{Caller, End, Handled, Handlers, Incoming, Pump, Replay, Side, Signal, control},
    error::{Error, Kind},
    packet::Packet,
    protocol::{Control, framing::FrameBuffer, handshake},
    transport::{Ending, Read, Transport, relinked::Relinked},
};

/// The most that passes between two looks at the clocks.
const TICK: Duration = Duration::from_secs(1);

/// Closes a caller when the session is dropped without having ended, as in a panic: nobody may wait for its end for ever.
struct Closing(Caller);

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.close(None);
    }
}

/// A connection whose handshake is over.
pub(super) struct Session {
    _closing: Closing,
    pump: Pump<Box<dyn Transport>, ClientSide>,
    incoming: Incoming<ClientSide, Handled>,
    pub(super) line: Line,
}

/// A connection that has ended.
pub(super) struct Lost {
    /// Why; `None`: the server or we wanted it so.
    pub(super) error: Option<Error>,
    /// Whether it makes sense to connect again.
    pub(super) may_reconnect: bool,
}

impl Session {
    /// Shakes hands.
    ///
    /// # Errors
    /// The server refuses, answers something else, ends the connection or says nothing for too long.
    pub(super) async fn open(
        connected: Connected,
        options: &Arc<Options>,
        handlers: &Arc<RwLock<Handlers>>,
    ) -> Result<Self, Error> {
        let side = ClientSide::new(options, &connected);
        let is_alive_by_itself = connected.is_alive_by_itself;
        let version = if side.acks.is_some() { 2 } else { 1 };
        let transport = match connected.redial {
            Some(redial) if side.acks.is_some() => {
                Box::new(Relinked::new(connected.transport, Redialing::new(redial)))
            }
            _ => connected.transport,
        };
        let mut pump = Pump {
            side: side.clone(),
            transport,
            inbound: FrameBuffer::new(options.max_receive_size),
            replay: None,
        };
        let after = options.handshake_timeout;
        let shaken = timeout(after, shake_hands(&mut pump, version)).await;
        let shaken = shaken.unwrap_or_else(|_| Err(Kind::HandshakeTimeout { after }.into()));
        if let Err(error) = shaken {
            close(&mut pump, Ending::Failure).await;
            return Err(error.of_server());
        }
        if let (Some(acks), Some(limit)) = (&side.acks, options.stateful_reconnect)
            && pump.transport.keep(true)
        {
            pump.replay = Some(Box::new(Replay::new(limit, acks)));
        }
        let caller = Caller::new(
            Arc::clone(side.queue()),
            options.protocol,
            options.stream_buffer,
            rt::spawner(),
        );
        let handled = Handled {
            outbox: Arc::clone(side.queue()),
            protocol: options.protocol,
            handlers: Arc::clone(handlers),
            caller: caller.clone(),
        };
        if !is_alive_by_itself {
            // It tells the server that this client pings, and may be missed.
            side.ping();
        }
        Ok(Self {
            _closing: Closing(caller.clone()),
            pump,
            incoming: Incoming::new(side, handled),
            line: Line {
                caller,
                id: connected.id,
            },
        })
    }

    /// Reads, handles and writes until the connection ends, or `stop` asks for that.
    pub(super) async fn run(mut self, stop: &CancellationToken) -> Lost {
        let options = Arc::clone(&self.pump.side.options);
        let tick = options.keep_alive.min(options.server_timeout) / 10;
        let tick = tick.clamp(Duration::from_millis(10), TICK);
        let mut end = {
            let mut stopping = pin!(stop.cancelled());
            let mut alarm = pin!(sleep(tick));
            poll_fn(|cx| {
                while alarm.as_mut().poll(cx).is_ready() {
                    self.pump.side.beat();
                    alarm.set(sleep(tick));
                }
                if stopping.as_mut().poll(cx).is_ready() {
                    self.pump.side.outbox().signal(Signal::Abort);
                }
                let run = self.pump.poll_run(cx, &mut self.incoming);
                // A browser slows the timers of a hidden page down, but not its messages.
                if cfg!(target_arch = "wasm32") && run.is_pending() {
                    self.pump.side.beat();
                }
                run
            })
            .await
        };
        // Where nothing can be written any more, the server may have said why.
        if end.close.is_none() {
            let last_words = poll_fn(|cx| Poll::Ready(self.last_words(cx))).await;
            end = last_words.unwrap_or(end);
        }
        let lost = Lost::new(end, stop.is_cancelled());
        self.finish(&lost, stop.is_cancelled()).await;
        lost
    }

    fn last_words(&mut self, cx: &mut Context<'_>) -> Option<End> {
        self.pump.poll_last_words(cx, &mut self.incoming)
    }

    async fn finish(mut self, lost: &Lost, stopped: bool) {
        let transport = &mut self.pump.transport;
        let held = self.pump.replay.take().map(|replay| replay.into_held());
        held.into_iter()
            .flatten()
            .for_each(|packet| transport.push(packet));
        self.pump
            .side
            .outbox()
            .drain(|packet| transport.push(packet));
        self.line.caller.close(lost.error.as_ref());
        // Handlers end by themselves; one of them may be who stops the connection.
        let mut incoming = self.incoming;
        rt::spawn(async move { poll_fn(|cx| incoming.poll_rest(cx)).await });
        if stopped {
            let goodbye = Control::Close {
                error: None,
                allow_reconnect: false,
            };
            let protocol = self.pump.side.protocol();
            self.pump.transport.push(control(protocol, &goodbye));
        }
        let ending = if lost.error.is_some() {
            Ending::Failure
        } else {
            Ending::Normal
        };
        close(&mut self.pump, ending).await;
    }
}

impl Lost {
    fn new(end: End, stopped: bool) -> Self {
        if stopped {
            return Self {
                error: None,
                may_reconnect: false,
            };
        }
        let error = end.reason.map(Error::of_server);
        // A server that wants its clients to stay away has to say so.
        let may_reconnect = end.peer_allows_reconnect.unwrap_or(true);
        Self {
            error,
            may_reconnect,
        }
    }
}

/// Ends the transport, and does not wait for the server longer than is allowed.
async fn close(pump: &mut Pump<Box<dyn Transport>, ClientSide>, ending: Ending) {
    pump.transport.close(ending);
    let limit = pump.side.options.close_timeout;
    let closed = poll_fn(|cx| pump.transport.poll_closed(cx));
    if timeout(limit, closed).await.is_err() {
        tracing::debug!("the server did not close in time");
    }
}

async fn shake_hands(
    pump: &mut Pump<Box<dyn Transport>, ClientSide>,
    version: i32,
) -> Result<(), Error> {
    let request = handshake::request(pump.side.options.protocol, version);
    // Always JSON, and so always a text.
    let packet = Packet::control(false, |out| out.extend_from_slice(request.as_bytes()));
    pump.transport.push(packet);
    poll_fn(|cx| poll_handshake(pump, cx)).await
}

fn poll_handshake(
    pump: &mut Pump<Box<dyn Transport>, ClientSide>,
    cx: &mut Context<'_>,
) -> Poll<Result<(), Error>> {
    loop {
        // What follows the answer stays in the buffer: it is the first message.
        if let Some(frame) = pump.inbound.next_text()? {
            return Poll::Ready(handshake::read_answer(frame));
        }
        match pump.transport.poll_read(cx, pump.inbound.space()) {
            Poll::Ready(Ok(Read::Data)) => {}
            Poll::Ready(Ok(Read::End)) => {
                let text = "The server disconnected before sending a handshake response";
                return Poll::Ready(Err(Kind::Connect(text.into()).into()));
            }
            Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            Poll::Pending => {
                return match pump.transport.poll_flush(cx) {
                    Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
                    _ => Poll::Pending,
                };
            }
        }
    }
}
