//! Both ends of a connection in one process, on simulated time: a hub server, and the engine as a client drives it.

mod calls;
mod ends;
mod streams;

use std::{
    sync::{Arc, Mutex, RwLock},
    time::Duration,
};

use futures_util::{FutureExt, Stream, StreamExt};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream},
    task::JoinHandle,
    time::Instant,
};

use super::HubServer;
use crate::{
    CancellationToken, Context, HubError, HubProtocol, Receiver,
    connection::{
        Callbacks, Caller, Due, End, Handled, Handlers, Incoming, KeepAlive, Limits, Outbox, Pump,
        Side, Signal, control,
    },
    error::Kind,
    hub,
    protocol::{Control, framing::FrameBuffer},
    receiver,
    transport::tcp::Raw,
};

/// The client's end.
#[derive(Clone)]
struct ClientSide {
    outbox: Arc<Outbox>,
    clocks: Arc<KeepAlive>,
    protocol: HubProtocol,
    origin: Instant,
}

impl Side for ClientSide {
    fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    fn clocks(&self) -> &KeepAlive {
        &self.clocks
    }

    fn now(&self) -> u64 {
        u64::try_from(self.origin.elapsed().as_millis()).expect("a short test")
    }

    fn protocol(&self) -> HubProtocol {
        self.protocol
    }

    fn limits(&self) -> Limits {
        Limits {
            detailed_errors: false,
            parallel_invocations: 1,
            max_streams: 0,
            max_uploads: 0,
        }
    }
}

impl ClientSide {
    /// What a heartbeat does.
    fn beat(&self) {
        let now = self.now();
        match self.clocks.due(now) {
            Due::Nothing => {}
            Due::Ping => {
                self.clocks.sent(now);
                self.outbox.push(control(self.protocol, &Control::Ping));
            }
            Due::TimedOut => self
                .outbox
                .signal(Signal::TimedOut(Kind::ClientTimeout.into())),
        }
    }
}

/// A connected client.
struct Client {
    caller: Caller,
    side: ClientSide,
    running: JoinHandle<End>,
    served: JoinHandle<()>,
    heart: JoinHandle<()>,
}

impl Client {
    async fn connect(server: &HubServer<Desk>, protocol: HubProtocol, ui: Ui) -> Self {
        let (io, other) = tokio::io::duplex(16 * 1024);
        let server = server.clone();
        let served = tokio::spawn(async move { server.serve_connection(other).await });
        Self::drive(io, protocol, ui, served).await
    }

    async fn drive(
        mut io: DuplexStream,
        protocol: HubProtocol,
        ui: Ui,
        served: JoinHandle<()>,
    ) -> Self {
        let request = format!("{{\"protocol\":\"{}\",\"version\":1}}\x1e", protocol.name());
        io.write_all(request.as_bytes())
            .await
            .expect("a whole pipe");
        let mut answer = [0; 3];
        io.read_exact(&mut answer).await.expect("an answer");
        assert_eq!(&answer, b"{}\x1e");

        let side = ClientSide {
            outbox: Arc::new(Outbox::new(64 * 1024)),
            clocks: Arc::new(KeepAlive::new(15_000, 30_000, 0)),
            protocol,
            origin: Instant::now(),
        };
        let mut handlers = Handlers::default();
        Arc::new(ui).register(&mut handlers);
        let spawn = Arc::new(|task| drop(tokio::spawn(task)));
        let caller = Caller::new(Arc::clone(&side.outbox), protocol, 10, spawn);
        let handlers = Arc::new(RwLock::new(handlers));
        let handled = Handled::new(&side.outbox, protocol, &handlers, &caller);
        let mut pump = Pump {
            side: side.clone(),
            transport: Raw::new(io),
            inbound: FrameBuffer::new(None),
            replay: None,
        };
        let mut incoming = Incoming::new(side.clone(), handled);
        let running = tokio::spawn(async move {
            let end = std::future::poll_fn(|cx| pump.poll_run(cx, &mut incoming)).await;
            incoming.end().caller.close(None);
            end
        });
        let beating = side.clone();
        let heart = tokio::spawn(async move {
            loop {
                tokio::time::sleep(Duration::from_secs(1)).await;
                beating.beat();
            }
        });
        Self {
            caller,
            side,
            running,
            served,
            heart,
        }
    }

    /// Breaks the connection off, as a power cut does.
    async fn cut(mut self) {
        self.heart.abort();
        self.running.abort();
        (&mut self.running).await.expect_err("it was running");
        (&mut self.served)
            .await
            .expect("the server's task does not panic");
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.heart.abort();
        self.running.abort();
    }
}

/// What happened, in order.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn note(&self, event: impl Into<String>) {
        self.0.lock().expect("not poisoned").push(event.into());
    }

    fn all(&self) -> Vec<String> {
        self.0.lock().expect("not poisoned").clone()
    }
}

/// Notes its own end.
struct OnDrop(Log, &'static str);

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.0.note(self.1);
    }
}

#[receiver]
trait Page {
    async fn shown(&self, text: &str);
    async fn confirm(&self, question: &str) -> Result<bool, HubError>;
}

#[derive(Clone, Default)]
struct Ui {
    log: Log,
}

#[receiver]
impl Page for Ui {
    async fn shown(&self, text: &str) {
        // Later messages must wait for this one.
        tokio::time::sleep(Duration::from_millis(10)).await;
        self.log.note(text);
    }

    async fn confirm(&self, question: &str) -> Result<bool, HubError> {
        match question {
            "fail" => Err(HubError::new("no idea")),
            "never" => std::future::pending().await,
            _ => Ok(question.ends_with('?')),
        }
    }
}

#[derive(Clone, Default)]
struct Desk {
    log: Log,
}

#[hub(client = Page)]
impl Desk {
    pub fn add(&self, a: i32, b: i32) -> i32 {
        a + b
    }

    pub fn nothing(&self) {}

    pub fn fail(&self, text: &str) -> Result<(), HubError> {
        Err(HubError::new(text))
    }

    pub async fn toil(&self) {
        let _dropped = OnDrop(self.log.clone(), "toil dropped");
        std::future::pending::<()>().await;
    }

    pub async fn careful(&self, token: CancellationToken) {
        token.cancelled().await;
        self.log.note("told");
    }

    pub async fn show(&self, cx: &Context<Self>, texts: Vec<String>) -> Result<(), HubError> {
        for text in texts {
            cx.clients().caller().shown(&text).await?;
        }
        Ok(())
    }

    pub async fn ask(&self, cx: &Context<Self>, question: &str) -> Result<bool, HubError> {
        let answer = cx.clients().caller().confirm(question).await;
        answer.map_err(HubError::new)
    }

    pub async fn ask_other(&self, cx: &Context<Self>) -> Result<String, HubError> {
        let caller = cx.clients().untyped().caller();
        match caller.invoke::<String>("nobody", ()).await {
            Err(error) if error.is_no_handler() => Ok("no handler".to_owned()),
            other => Err(HubError::new(format!("{other:?}"))),
        }
    }

    pub fn counter(&self, to: u32) -> impl Stream<Item = u32> + use<> {
        let dropped = OnDrop(self.log.clone(), "counter dropped");
        let log = self.log.clone();
        futures_util::stream::iter(0..to).map(move |number| {
            let _kept = &dropped;
            log.note(number.to_string());
            number
        })
    }

    pub fn silent(&self) -> impl Stream<Item = u32> + use<> {
        let dropped = OnDrop(self.log.clone(), "silent dropped");
        futures_util::stream::poll_fn(move |_| {
            let _kept = &dropped;
            std::task::Poll::Pending
        })
    }

    pub fn broken(&self) -> impl Stream<Item = Result<u32, HubError>> + use<> {
        futures_util::stream::iter([Ok(1), Err(HubError::new("broken")), Ok(2)])
    }

    pub async fn sum(&self, mut numbers: Receiver<u64>) -> Result<u64, HubError> {
        let mut sum = 0;
        while let Some(number) = numbers.recv().await {
            sum += number?;
        }
        Ok(sum)
    }

    pub async fn collect(&self, mut texts: Receiver<String>) {
        let mut count = 0;
        while let Some(text) = texts.recv().await {
            match text {
                Ok(_) => count += 1,
                Err(error) => return self.log.note(error.to_string()),
            }
        }
        self.log.note(format!("{count} collected"));
    }

    /// Two uploads and a stream of what comes in by turns.
    pub fn zip(
        &self,
        a: Receiver<u32>,
        b: Receiver<String>,
    ) -> impl Stream<Item = Result<(u32, String), HubError>> + use<> {
        a.zip(b).map(|(a, b)| Ok((a?, b?)))
    }

    pub async fn first(&self, mut numbers: Receiver<u32>) -> Option<u32> {
        numbers.recv().await.and_then(Result::ok)
    }
}

const PROTOCOLS: [HubProtocol; 2] = [HubProtocol::Json, HubProtocol::MessagePack];

/// Runs a scenario in both encodings, each with a server of its own.
async fn in_both<F: Future<Output = ()>>(scenario: impl Fn(Client, Desk, Ui) -> F) {
    for protocol in PROTOCOLS {
        let (desk, ui) = (Desk::default(), Ui::default());
        let server = HubServer::builder(desk.clone()).build().expect("valid");
        let client = Client::connect(&server, protocol, ui.clone()).await;
        scenario(client, desk, ui).await;
    }
}

/// Lets everything happen that can happen without time passing.
async fn settle() {
    for _ in 0..2_000 {
        tokio::task::yield_now().await;
    }
}

/// Whether a future is ready now.
fn is_ready<F: Future + Unpin>(future: &mut F) -> bool {
    future.now_or_never().is_some()
}
