//! Servers for the client: a real hub over pipes, and one that is played by hand.

use std::{
    future::ready,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use bytes::BytesMut;
use futures_util::{Stream, StreamExt};
use signalr::{
    Context, HttpTransportType, Hub, HubConnection, HubConnectionBuilder, HubError, HubProtocol,
    HubServer, Receiver, hub,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream},
    sync::mpsc,
};

use crate::msgpack;

pub const PROTOCOLS: [HubProtocol; 2] = [HubProtocol::Json, HubProtocol::MessagePack];

/// Longer than anything takes on paused time but what never comes.
const PATIENCE: Duration = Duration::from_secs(600);

/// What happened, in order.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    pub fn note(&self, event: impl Into<String>) {
        self.0.lock().expect("not poisoned").push(event.into());
    }

    pub fn all(&self) -> Vec<String> {
        self.0.lock().expect("not poisoned").clone()
    }
}

/// Lets everything happen that can happen without time passing.
pub async fn settle() {
    for _ in 0..2_000 {
        tokio::task::yield_now().await;
    }
}

/// A hub with one method of each kind.
#[derive(Clone, Default)]
pub struct Desk {
    pub log: Log,
}

#[hub]
impl Desk {
    pub fn add(&self, a: i32, b: i32) -> i32 {
        a + b
    }

    pub fn note(&self, text: &str) {
        self.log.note(text);
    }

    pub fn echo(&self, text: String) -> String {
        text
    }

    /// The transport and the id of the caller's connection.
    pub fn whereabouts(&self, cx: &Context<Self>) -> (Option<&'static str>, String) {
        let transport = cx.transport().map(HttpTransportType::name);
        (transport, cx.connection_id().to_string())
    }

    /// The header of the request that opened the caller's connection.
    pub fn authorization(&self, cx: &Context<Self>) -> Option<String> {
        let header = cx.request().headers.get("authorization")?;
        Some(header.to_str().expect("a text").to_owned())
    }

    pub fn leave(&self, cx: &Context<Self>) {
        cx.abort();
    }

    pub fn fail(&self, text: &str) -> Result<(), HubError> {
        Err(HubError::new(text))
    }

    pub async fn toil(&self) {
        let _dropped = OnDrop(self.log.clone(), "toil dropped");
        std::future::pending::<()>().await;
    }

    pub async fn show(&self, cx: &Context<Self>, texts: Vec<String>) -> Result<(), HubError> {
        for text in texts {
            cx.clients().caller().send("shown", (text,)).await?;
        }
        Ok(())
    }

    pub async fn ask(&self, cx: &Context<Self>, question: &str) -> Result<String, HubError> {
        let caller = cx.clients().caller();
        Ok(caller.invoke::<String>("asked", (question,)).await?)
    }

    pub fn counter(&self, to: u32) -> impl Stream<Item = u32> + use<> {
        let dropped = OnDrop(self.log.clone(), "counter dropped");
        futures_util::stream::iter(0..to).map(move |number| {
            let _kept = &dropped;
            number
        })
    }

    pub fn endless(&self) -> impl Stream<Item = u32> + use<> {
        let dropped = OnDrop(self.log.clone(), "endless dropped");
        futures_util::stream::iter(0..).map(move |number| {
            let _kept = &dropped;
            number
        })
    }

    pub async fn join(
        &self,
        before: &str,
        mut a: Receiver<u32>,
        mut b: Receiver<String>,
        after: &str,
    ) -> Result<String, HubError> {
        let mut joined = before.to_owned();
        while let Some(number) = a.recv().await {
            joined += &number?.to_string();
        }
        while let Some(text) = b.recv().await {
            joined += &text?;
        }
        Ok(joined + after)
    }

    /// Takes all that comes, and has nothing to say.
    pub fn drain(&self, texts: Receiver<String>) -> impl Stream<Item = ()> + use<> {
        let log = self.log.clone();
        texts.filter_map(move |text| {
            log.note(text.unwrap_or_else(|error| error.to_string()));
            ready(None)
        })
    }

    pub fn doubled(
        &self,
        numbers: Receiver<u32>,
    ) -> impl Stream<Item = Result<u32, HubError>> + use<> {
        numbers.map(|number| Ok(number? * 2))
    }

    pub async fn collect(&self, mut texts: Receiver<String>) {
        loop {
            match texts.recv().await {
                Some(Ok(text)) => self.log.note(text),
                Some(Err(error)) => return self.log.note(error.to_string()),
                None => return self.log.note("end"),
            }
        }
    }
}

struct OnDrop(Log, &'static str);

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.0.note(self.1);
    }
}

/// A client of a hub, over a new pipe for each connection.
pub fn of_hub<H: Hub>(server: &HubServer<H>, protocol: HubProtocol) -> HubConnectionBuilder {
    let server = server.clone();
    HubConnection::over(move || {
        let (io, other) = tokio::io::duplex(16 * 1024);
        let server = server.clone();
        tokio::spawn(async move { server.serve_connection(other).await });
        ready(Ok(io))
    })
    .protocol(protocol)
}

/// A client of a desk of its own.
pub async fn at_desk(protocol: HubProtocol) -> (HubConnection, Desk) {
    let desk = Desk::default();
    let connection = of_hub(&HubServer::new(desk.clone()), protocol);
    (connection.connect().await.expect("connected"), desk)
}

/// Runs a scenario in both encodings, each with a server and a client of its own.
pub async fn in_both<F: Future<Output = ()>>(scenario: impl Fn(HubConnection, Desk) -> F) {
    for protocol in PROTOCOLS {
        let (connection, desk) = at_desk(protocol).await;
        scenario(connection, desk).await;
    }
}

/// A message of the server, in JSON, its arguments given.
pub fn message(target: &str, arguments: &str) -> String {
    format!(r#"{{"type":1,"target":"{target}","arguments":[{arguments}]}}"#)
}

/// The same, to be answered.
pub fn question(id: &str, target: &str) -> String {
    format!(r#"{{"type":1,"invocationId":"{id}","target":"{target}","arguments":[]}}"#)
}

/// A place where a test plays the server.
pub struct Stage {
    protocol: HubProtocol,
    pipes: mpsc::UnboundedReceiver<DuplexStream>,
    pub attempts: Arc<AtomicUsize>,
    /// Whether attempts fail.
    pub down: Arc<AtomicBool>,
}

impl Stage {
    pub fn new() -> (Self, HubConnectionBuilder) {
        let (sender, pipes) = mpsc::unbounded_channel();
        let (attempts, down) = (
            Arc::new(AtomicUsize::new(0)),
            Arc::new(AtomicBool::new(false)),
        );
        let (count, broken) = (Arc::clone(&attempts), Arc::clone(&down));
        let builder = HubConnection::over(move || {
            count.fetch_add(1, Relaxed);
            if broken.load(Relaxed) {
                return ready(Err(std::io::ErrorKind::ConnectionRefused.into()));
            }
            let (io, other) = tokio::io::duplex(64 * 1024);
            sender.send(other).expect("the test plays");
            ready(Ok(io))
        });
        let stage = Self {
            protocol: HubProtocol::Json,
            pipes,
            attempts,
            down,
        };
        (stage, builder)
    }

    /// The same in either encoding.
    pub fn of(protocol: HubProtocol) -> (Self, HubConnectionBuilder) {
        let (stage, builder) = Self::new();
        (Self { protocol, ..stage }, builder.protocol(protocol))
    }

    /// The server's end of the next connection.
    pub async fn pipe(&mut self) -> Actor {
        let io = tokio::time::timeout(PATIENCE, self.pipes.recv()).await;
        Actor::new(io.expect("a connection in time").expect("a client"))
    }

    /// The same, with the handshake done.
    pub async fn accept(&mut self) -> Actor {
        let actor = self.pipe().await;
        Actor::shake(actor.io, self.protocol).await
    }

    /// A client that is connected, and its server's end.
    pub async fn connected(
        builder: HubConnectionBuilder,
        stage: &mut Self,
    ) -> (HubConnection, Actor) {
        let (connection, actor) = tokio::join!(builder.connect(), stage.accept());
        (connection.expect("connected"), actor)
    }
}

/// A server's end of a connection. Messages are shown in JSON, whatever they are written in.
pub struct Actor {
    pub io: DuplexStream,
    is_binary: bool,
    rest: BytesMut,
}

impl Actor {
    pub fn new(io: DuplexStream) -> Self {
        Self {
            io,
            is_binary: false,
            rest: BytesMut::new(),
        }
    }

    /// Shakes hands and hears the first ping.
    pub async fn accept(io: DuplexStream) -> Self {
        Self::shake(io, HubProtocol::Json).await
    }

    async fn shake(io: DuplexStream, protocol: HubProtocol) -> Self {
        let mut actor = Self::new(io);
        let name = protocol.name();
        let request = format!(r#"{{"protocol":"{name}","version":1}}"#);
        assert_eq!(actor.hear().await, request);
        actor.say("{}").await;
        actor.is_binary = protocol != HubProtocol::Json;
        assert_eq!(actor.hear().await, r#"{"type":6}"#);
        actor
    }

    pub async fn say(&mut self, message: &str) {
        match self.is_binary {
            true => self.raw(&msgpack::frame(message)).await,
            false => self.raw(format!("{message}\u{1e}").as_bytes()).await,
        }
    }

    pub async fn raw(&mut self, bytes: &[u8]) {
        self.io.write_all(bytes).await.expect("open");
    }

    /// The next message, whatever it is; an empty one is the end.
    pub async fn hear(&mut self) -> String {
        loop {
            if self.is_binary {
                if let Some(body) = msgpack::take_frame(&mut self.rest) {
                    return msgpack::show_of_client(&body);
                }
            } else if let Some(end) = self.rest.iter().position(|byte| *byte == 0x1e) {
                let message = self.rest.split_to(end + 1);
                return String::from_utf8(message[..end].to_vec()).expect("JSON");
            }
            let read = self.io.read_buf(&mut self.rest);
            let read = tokio::time::timeout(PATIENCE, read).await;
            if read.expect("something in time").unwrap_or(0) == 0 {
                return String::new();
            }
        }
    }

    /// The next message that is no ping.
    pub async fn hear_call(&mut self) -> String {
        loop {
            let message = self.hear().await;
            if message != r#"{"type":6}"# {
                return message;
            }
        }
    }
}
