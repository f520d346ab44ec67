//! Stateful reconnect between this client and this server over real sockets that are cut again and again.

use std::{
    future::ready,
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use signalr::{
    Connecting, Context, Error, HubConnection, HubConnectionState, HubError, HubProtocol,
    HubServer, Server, hub,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, SemaphorePermit},
};

use crate::{stand::until, support::Log};

const CUTS: usize = 200;
const MESSAGES: u32 = 100_000;
/// More than the default, as acknowledgements come once a second and the test should not take minutes.
const BUFFER: usize = 400_000;

/// Numbers that look random and are the same every time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let limit = u64::try_from(limit).expect("a number");
        usize::try_from(self.0 % limit).expect("a number")
    }
}

/// Passes bytes on between a server and its clients, and cuts a WebSocket whenever a message is one of those at which it should.
#[derive(Clone)]
struct Cutter {
    /// At which messages, both directions together.
    at: Arc<[usize]>,
    messages: Arc<AtomicUsize>,
    /// Cuts that are due.
    due: Arc<Semaphore>,
    dice: Arc<Mutex<Dice>>,
    links: Arc<AtomicUsize>,
    made: Arc<AtomicUsize>,
}

impl Cutter {
    fn new(seed: u64) -> Self {
        let all = 2 * usize::try_from(MESSAGES).expect("a number");
        let (mut dice, mut at) = (Dice(seed), Vec::new());
        while at.len() < CUTS {
            let message = 1 + dice.below(all);
            if !at.contains(&message) {
                at.push(message);
            }
        }
        at.sort_unstable();
        Self {
            at: at.into(),
            messages: Arc::default(),
            due: Arc::new(Semaphore::new(0)),
            dice: Arc::new(Mutex::new(dice)),
            links: Arc::default(),
            made: Arc::default(),
        }
    }

    /// A message has arrived.
    fn count(&self) {
        let message = self.messages.fetch_add(1, SeqCst) + 1;
        if self.at.binary_search(&message).is_ok() {
            self.due.add_permits(1);
        }
    }

    fn made(&self) -> usize {
        self.made.load(SeqCst)
    }

    async fn listen(&self, server: SocketAddr) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let addr = listener.local_addr().expect("bound");
        let cutter = self.clone();
        tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.expect("it listens");
                let cutter = cutter.clone();
                tokio::spawn(async move { cutter.pass(client, server).await });
            }
        });
        addr
    }

    async fn pass(&self, mut client: TcpStream, server: SocketAddr) {
        let mut server = TcpStream::connect(server).await.expect("it listens");
        let Ok(request) = pass_head(&mut client, &mut server).await else {
            return;
        };
        let is_negotiation = request.starts_with(b"POST");
        let link = self.links.fetch_add(1, SeqCst);
        // Some attempts fail, most lead to a link.
        let is_cut = link % 10 == 9 && self.due.try_acquire().map(SemaphorePermit::forget).is_ok();
        if !is_cut && pass_head(&mut server, &mut client).await.is_err() {
            return;
        }
        let cut = async {
            if is_negotiation {
                std::future::pending::<()>().await;
            }
            if !is_cut {
                self.due.acquire().await.expect("never closed").forget();
                // Somewhere amid what is repeated, or what is new.
                let pause = self.dice.lock().expect("not poisoned").below(4_000);
                let pause = Duration::from_micros(pause.try_into().expect("a number"));
                tokio::time::sleep(pause).await;
            }
        };
        tokio::select! {
            _ = copy_bidirectional(&mut client, &mut server) => return,
            () = cut => {}
        }
        if self.made.fetch_add(1, SeqCst).is_multiple_of(2) {
            // A reset at each end; otherwise a shutdown.
            client.set_zero_linger().expect("open");
            server.set_zero_linger().expect("open");
        }
    }
}

/// The head of a request or an answer, which was passed on.
async fn pass_head(from: &mut TcpStream, to: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(from.read_u8().await?);
    }
    to.write_all(&head).await?;
    Ok(head)
}

#[derive(Clone)]
struct Counter {
    cutter: Cutter,
    heard: Arc<Mutex<Vec<u32>>>,
    life: Log,
}

impl Counter {
    fn new(cutter: &Cutter) -> Self {
        Self {
            cutter: cutter.clone(),
            heard: Arc::default(),
            life: Log::default(),
        }
    }

    fn hear(&self, number: u32) {
        self.heard.lock().expect("not poisoned").push(number);
        self.cutter.count();
    }

    /// Whether all numbers have come, in order and each once.
    fn is_whole(&self) -> bool {
        let heard = self.heard.lock().expect("not poisoned");
        heard.iter().copied().eq(0..MESSAGES)
    }

    fn len(&self) -> usize {
        self.heard.lock().expect("not poisoned").len()
    }
}

#[hub]
impl Counter {
    async fn on_connected(&self, _: &Connecting<Self>) -> Result<(), HubError> {
        self.life.note("connected");
        Ok(())
    }

    async fn on_disconnected(&self, _: &Context<Self>, _: Option<&Error>) {
        self.life.note("disconnected");
    }

    pub fn number(&self, number: u32) {
        self.hear(number);
    }

    pub fn double(&self, number: u32) -> u32 {
        2 * number
    }

    /// Sends all numbers, while further calls are taken.
    pub fn begin(&self, cx: &Context<Self>) {
        let caller = cx.clients().caller();
        tokio::spawn(async move {
            for number in 0..MESSAGES {
                let sent = caller.send("number", (number,)).await;
                sent.expect("the connection is open");
            }
        });
    }
}

async fn storm(protocol: HubProtocol, seed: u64) {
    let cutter = Cutter::new(seed);
    let (counter, heard) = (Counter::new(&cutter), Counter::new(&cutter));
    let server = HubServer::builder(counter.clone())
        .stateful_reconnect(true)
        .stateful_reconnect_buffer(BUFFER)
        .build()
        .expect("valid");
    let bound = Server::new().mount(server.at("/count")).bind("127.0.0.1:0");
    let bound = bound.await.expect("a free port");
    let addr = cutter.listen(bound.local_addr().expect("bound")).await;
    tokio::spawn(bound.run());

    let (log, told, again) = (heard.clone(), heard.life.clone(), heard.life.clone());
    let connection = HubConnection::builder(format!("http://{addr}/count"))
        .protocol(protocol)
        .stateful_reconnect_buffer(BUFFER)
        .automatic_reconnect()
        .on("number", move |number: u32| {
            log.hear(number);
            ready(())
        })
        .on_reconnecting(move |error| {
            told.note(format!("{error:?}"));
            ready(())
        })
        .on_closed(move |error| {
            again.note(format!("{error:?}"));
            ready(())
        })
        .connect()
        .await
        .expect("connected");
    let (id, states) = (connection.connection_id(), connection.states());
    let begun = connection.invoke::<()>("begin", ()).await;
    begun.expect("begun");
    for number in 0..MESSAGES {
        let sent = connection.send("number", (number,)).await;
        sent.expect("the connection is open");
        if number % 1_000 == 0 {
            let double = connection.invoke::<u32>("double", (number,)).await;
            assert_eq!(double.expect("an answer"), 2 * number);
        }
    }
    let all = usize::try_from(MESSAGES).expect("a number");
    while heard.len() < all || counter.len() < all || cutter.made() < CUTS {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let double = connection.invoke::<u32>("double", (1,)).await;
    assert_eq!(double.expect("an answer"), 2);

    assert!(heard.is_whole(), "in order, each once");
    assert!(counter.is_whole(), "in order, each once");
    assert_eq!(cutter.made(), CUTS);
    assert!(heard.life.all().is_empty(), "{:?}", heard.life.all());
    assert!(!states.has_changed().expect("kept"), "nobody has noticed");
    assert_eq!(connection.connection_id(), id);
    connection.stop().await;
    assert_eq!(connection.state(), HubConnectionState::Disconnected);
    until(|| counter.life.all() == ["connected", "disconnected"]).await;
}

async fn in_minutes(storm: impl Future<Output = ()>) {
    let done = tokio::time::timeout(Duration::from_secs(300), storm).await;
    done.expect("it ends");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_cut_sockets_lose_and_double_nothing_in_json() {
    in_minutes(storm(HubProtocol::Json, 0x5eed_0003)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_cut_sockets_lose_and_double_nothing_in_messagepack() {
    in_minutes(storm(HubProtocol::MessagePack, 0x5eed_0004)).await;
}
