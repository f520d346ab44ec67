//! Whole connections over pipes in memory, on one thread: everything but HTTP, WebSocket and system calls.

use futures_util::{Stream, stream};
use signalr::{Context, HubError, HubServer, Receiver, hub};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream},
    runtime::Runtime,
};

use crate::{
    Case,
    messages::{broadcast, call, counter, notice, upload},
};

const MESSAGES: u64 = 1_000;
/// Calls in flight.
const DEPTH: u64 = 16;
const LISTENERS: u64 = 100;

pub(crate) const CASES: &[Case] = &[
    ("echo_json", MESSAGES, || echo(false)),
    ("echo_messagepack", MESSAGES, || echo(true)),
    ("send_json", MESSAGES, || send(false)),
    ("send_messagepack", MESSAGES, || send(true)),
    ("stream_json", MESSAGES, || stream(false)),
    ("stream_messagepack", MESSAGES, || stream(true)),
    ("upload_json", MESSAGES, || uploads(false)),
    ("upload_messagepack", MESSAGES, || uploads(true)),
    ("broadcast_json", 10 * LISTENERS, || fan_out(false)),
    ("broadcast_messagepack", 10 * LISTENERS, || fan_out(true)),
    ("connect", 100, connect),
];

struct Bench;

#[hub]
impl Bench {
    pub fn echo(&self, text: String) -> String {
        text
    }

    pub fn send_nothing(&self, _text: &str) {}

    pub async fn broadcast(&self, cx: &Context<Self>, text: &str) -> Result<(), HubError> {
        Ok(cx.clients().all().send("receive", (text,)).await?)
    }

    pub fn counter(&self, count: u32) -> impl Stream<Item = u32> + use<> {
        stream::iter(0..count)
    }

    pub async fn upload(&self, mut items: Receiver<String>) -> Result<u32, HubError> {
        let mut count = 0;
        while let Some(item) = items.recv().await {
            item?;
            count += 1;
        }
        Ok(count)
    }
}

/// A server on a runtime of its own.
struct World {
    runtime: Runtime,
    server: HubServer<Bench>,
    binary: bool,
}

/// The client's end of a connection.
struct Client {
    io: DuplexStream,
    binary: bool,
    /// What was read; afterwards what is left of a message that was begun.
    rest: Vec<u8>,
}

impl World {
    fn new(binary: bool) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build();
        let runtime = runtime.expect("a runtime");
        let server = HubServer::builder(Bench).max_receive_size(1 << 20).build();
        let server = server.expect("valid options");
        Self {
            runtime,
            server,
            binary,
        }
    }

    fn connect(&self) -> Client {
        let (io, other) = tokio::io::duplex(1 << 20);
        let server = self.server.clone();
        self.runtime
            .spawn(async move { server.serve_connection(other).await });
        let name = if self.binary { "messagepack" } else { "json" };
        let request = format!("{{\"protocol\":\"{name}\",\"version\":1}}\x1e");
        let mut client = Client {
            io,
            binary: self.binary,
            rest: Vec::new(),
        };
        self.runtime.block_on(async {
            client.io.write_all(request.as_bytes()).await.expect("open");
            let mut answer = [0; 3];
            client.io.read_exact(&mut answer).await.expect("open");
            assert_eq!(&answer, b"{}\x1e");
        });
        client
    }
}

impl Client {
    /// Reads until so many messages have come.
    async fn hear(&mut self, mut count: u64) {
        while count > 0 {
            self.rest.reserve(16 * 1024);
            let read = self.io.read_buf(&mut self.rest).await.expect("open");
            assert!(read > 0, "the end");
            count -= self.count(read);
        }
    }

    /// Takes whole messages out of what came, of which the last `new` bytes have not been looked at.
    fn count(&mut self, new: usize) -> u64 {
        if !self.binary {
            let new = &self.rest[self.rest.len() - new..];
            let count = memchr::memchr_iter(0x1e, new).count() as u64;
            self.rest.clear();
            return count;
        }
        let (mut at, mut count) = (0, 0);
        while let Some(length) = self.rest.get(at) {
            let end = at + 1 + usize::from(*length);
            if end > self.rest.len() {
                break;
            }
            (at, count) = (end, count + 1);
        }
        self.rest.drain(..at);
        count
    }
}

fn work(binary: bool, run: impl AsyncFnOnce(&mut Client) + 'static) -> Box<dyn FnOnce()> {
    let world = World::new(binary);
    let mut client = world.connect();
    Box::new(move || {
        world.runtime.block_on(run(&mut client));
        // What is freed at the end is not counted.
        std::mem::forget((world, client));
    })
}

fn echo(binary: bool) -> Box<dyn FnOnce()> {
    let batch: Vec<u8> = (0..DEPTH).flat_map(|id| call(binary, id)).collect();
    work(binary, async move |client| {
        for _ in 0..MESSAGES.div_ceil(DEPTH) {
            client.io.write_all(&batch).await.expect("open");
            client.hear(DEPTH).await;
        }
    })
}

fn send(binary: bool) -> Box<dyn FnOnce()> {
    let notices = notice(binary).repeat(100);
    let end = call(binary, 1);
    work(binary, async move |client| {
        for _ in 0..MESSAGES / 100 {
            client.io.write_all(&notices).await.expect("open");
            client.io.write_all(&end).await.expect("open");
            client.hear(1).await;
        }
    })
}

fn stream(binary: bool) -> Box<dyn FnOnce()> {
    let call = counter(binary, 100);
    work(binary, async move |client| {
        for _ in 0..MESSAGES / 100 {
            client.io.write_all(&call).await.expect("open");
            client.hear(101).await;
        }
    })
}

fn uploads(binary: bool) -> Box<dyn FnOnce()> {
    let messages = upload(binary, 100);
    work(binary, async move |client| {
        for _ in 0..MESSAGES / 100 {
            client.io.write_all(&messages).await.expect("open");
            client.hear(1).await;
        }
    })
}

fn fan_out(binary: bool) -> Box<dyn FnOnce()> {
    let world = World::new(binary);
    let mut clients: Vec<_> = (0..LISTENERS).map(|_| world.connect()).collect();
    let message = broadcast(binary);
    Box::new(move || {
        world.runtime.block_on(async {
            for _ in 0..10 {
                clients[0].io.write_all(&message).await.expect("open");
                for client in &mut clients {
                    client.hear(1).await;
                }
            }
        });
        std::mem::forget((world, clients));
    })
}

fn connect() -> Box<dyn FnOnce()> {
    let world = World::new(false);
    Box::new(move || {
        let clients: Vec<_> = (0..100).map(|_| world.connect()).collect();
        drop(clients);
        world.runtime.block_on(world.server.closed());
        std::mem::forget(world);
    })
}
