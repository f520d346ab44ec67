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
    backlog::Backlog,
    connector::Connected,
    events::Events,
    options::Options,
    redial::Redialing,
    refresh::Refresher,
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

/// Ends calls and refreshes when the session is dropped without having ended: nobody may wait for its end for ever.
struct Closing(Line);

impl Drop for Closing {
    fn drop(&mut self) {
        if let Some(refresher) = &self.0.refresher {
            refresher.end();
        }
        self.0.caller.close(Some(&broken_off()));
    }
}

/// Why a connection has ended whose task has not come to its end.
pub(super) fn broken_off() -> Error {
    let text = match std::thread::panicking() {
        // Of a stream that the connector has opened.
        true => "The connection's stream panicked.",
        false => "The connection's runtime has been shut down.",
    };
    Kind::NotConnected(text.into()).into()
}

/// A connection whose handshake is over.
pub(super) struct Session {
    _closing: Closing,
    pump: Pump<Box<dyn Transport>, ClientSide>,
    incoming: Incoming<ClientSide, Handled>,
    pub(super) line: Line,
    /// How far the server had got with what it has to take, and when it last got on.
    taken: usize,
    taken_at: u64,
}

/// A connection that has ended.
pub(super) struct Lost {
    /// Why; `None`: the server or we wanted it so.
    pub(super) error: Option<Error>,
    /// Whether it makes sense to connect again.
    pub(super) may_reconnect: bool,
    /// Whether we wanted it so.
    pub(super) is_stopped: bool,
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
        events: &Arc<Events>,
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
        let queue = side.queue();
        let caller = Caller::new(
            Arc::clone(queue),
            options.protocol,
            options.stream_buffer,
            rt::spawner(),
        );
        let handled = Handled::new(queue, options.protocol, handlers, &caller);
        if !is_alive_by_itself {
            // It tells the server that this client pings, and may be missed.
            side.ping();
        }
        let refresh = connected.refresh;
        let line = Line {
            caller,
            id: connected.id,
            refresher: refresh.map(|refresh| Arc::new(Refresher::new(refresh, events))),
        };
        Ok(Self {
            _closing: Closing(line.clone()),
            pump,
            incoming: Incoming::new(side, handled),
            line,
            taken: 0,
            taken_at: 0,
        })
    }

    /// Reads, handles and writes until the connection ends, or `stop` asks for that.
    pub(super) async fn run(mut self, stop: &CancellationToken) -> (Lost, Remains) {
        let options = Arc::clone(&self.pump.side.options);
        let tick = options.keep_alive.min(options.server_timeout) / 10;
        let tick = tick.clamp(Duration::from_millis(10), TICK);
        let refresher = self.line.refresher.clone();
        let mut end = {
            // It ends with this block: nobody refreshes what is being closed.
            let automatic = refresher.as_ref().filter(|it| it.is_automatic());
            let mut refreshing = automatic.map(|refresher| Box::pin(refresher.keep_fresh()));
            let mut stopping = pin!(stop.cancelled());
            let mut alarm = pin!(sleep(tick));
            let mut backlog = Backlog::default();
            poll_fn(|cx| {
                while alarm.as_mut().poll(cx).is_ready() {
                    self.beat();
                    let side = &self.pump.side;
                    let first = self.incoming.first_of_line();
                    if let Some(error) = backlog.look(first, side.now(), &options) {
                        side.outbox().signal(Signal::TimedOut(error));
                    }
                    alarm.set(sleep(tick));
                }
                if stopping.as_mut().poll(cx).is_ready() {
                    self.pump.side.outbox().signal(Signal::Abort);
                } else if let Some(refreshing) = &mut refreshing {
                    let _ = refreshing.as_mut().poll(cx);
                }
                let run = self.pump.poll_run(cx, &mut self.incoming);
                // A browser slows the timers of a hidden page down, but not its messages.
                if cfg!(target_arch = "wasm32") && run.is_pending() {
                    self.beat();
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
        (lost, Remains(self))
    }

    fn beat(&mut self) {
        let Pump {
            side, transport, ..
        } = &self.pump;
        let stuck = side.outbox().stuck_for(side.now());
        let stalled = match (stuck, transport.progress()) {
            (Some(stuck), Some(progress)) => {
                let goes_on = transport.unsent() > 0 && self.taken != progress;
                let now = side.now();
                if goes_on {
                    (self.taken, self.taken_at) = (progress, now);
                }
                Some(stuck.min(now - self.taken_at))
            }
            _ => None,
        };
        side.beat(stalled);
    }

    fn last_words(&mut self, cx: &mut Context<'_>) -> Option<End> {
        self.pump.poll_last_words(cx, &mut self.incoming)
    }
}

/// What is left of a connection that has ended. Who has called it learns of the end when this is taken apart.
pub(super) struct Remains(Session);

impl Remains {
    /// Leaves the server, which may take its time to notice.
    pub(super) fn leave(self, lost: &Lost) {
        let mut pump = self.take_apart(lost.error.as_ref());
        let ending = if lost.error.is_some() {
            Ending::Failure
        } else {
            Ending::Normal
        };
        rt::spawn(async move { close(&mut pump, ending).await });
    }

    /// Tells the server that we leave, and waits until it has heard it.
    pub(super) async fn say_goodbye(self) {
        let mut pump = self.take_apart(None);
        let goodbye = Control::Close {
            error: None,
            allow_reconnect: false,
        };
        let protocol = pump.side.protocol();
        pump.transport.push(control(protocol, &goodbye));
        close(&mut pump, Ending::Normal).await;
    }

    fn take_apart(self, error: Option<&Error>) -> Pump<Box<dyn Transport>, ClientSide> {
        let Session {
            mut pump,
            incoming,
            line,
            ..
        } = self.0;
        if let Some(refresher) = &line.refresher {
            refresher.end();
        }
        let transport = &mut pump.transport;
        let held = pump.replay.take().map(|replay| replay.into_held());
        held.into_iter()
            .flatten()
            .for_each(|packet| transport.push(packet));
        pump.side.outbox().drain(|packet| transport.push(packet));
        line.caller.close(error);
        // Handlers end by themselves; one of them may be who stops the connection.
        rt::spawn(incoming.finish());
        pump
    }
}

impl Lost {
    fn new(end: End, stopped: bool) -> Self {
        if stopped {
            return Self {
                error: None,
                may_reconnect: false,
                is_stopped: true,
            };
        }
        let error = end.reason.map(Error::of_server);
        // A server that wants its clients to stay away has to say so.
        let may_reconnect = end.peer_allows_reconnect.unwrap_or(true);
        Self {
            error,
            may_reconnect,
            is_stopped: false,
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
