//! Stateful reconnect between this client and this server in one process, over pipes that are cut at random bytes.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{
            AtomicBool, AtomicUsize,
            Ordering::{Relaxed, SeqCst},
        },
    },
    task::{Context as TaskContext, Poll},
    time::Duration,
};

use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};

use super::{
    HubConnectionBuilder,
    connector::{Connect, Connected},
};
use crate::{
    Connecting, Context, Error, HubConnection, HubConnectionState, HubError, HubProtocol,
    HubServer,
    connection::BoxFuture,
    error::Kind,
    hub,
    transport::{Transport, links::Links, tcp::Raw},
};

/// Numbers that look random and are the same every time.
struct Dice(u64);

impl Dice {
    fn up_to(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let most = u64::try_from(most).expect("a size");
        usize::try_from(self.0 % most + 1).expect("a size")
    }
}

/// What both ends of a pipe share: how many more bytes go in or out of either, and whether it is cut.
struct Cut {
    left: AtomicUsize,
    is_cut: AtomicBool,
}

impl Cut {
    fn after(bytes: usize) -> Arc<Self> {
        Arc::new(Self {
            left: AtomicUsize::new(bytes),
            is_cut: AtomicBool::new(false),
        })
    }
}

/// One end of a pipe that is cut after some bytes; what is in it then is lost.
struct End {
    io: Option<DuplexStream>,
    cut: Arc<Cut>,
}

impl End {
    fn pair(cut: &Arc<Cut>) -> (Self, Self) {
        let (near, far) = tokio::io::duplex(16 * 1024);
        let end = |io| Self {
            io: Some(io),
            cut: Arc::clone(cut),
        };
        (end(near), end(far))
    }

    fn io(&mut self) -> io::Result<&mut DuplexStream> {
        if self.cut.left.load(Relaxed) == 0 {
            self.cut.is_cut.store(true, SeqCst);
        }
        if self.cut.is_cut.load(SeqCst) {
            // The other end is woken by that.
            self.io = None;
        }
        let reset = io::ErrorKind::ConnectionReset;
        self.io.as_mut().ok_or_else(|| reset.into())
    }

    fn used(&mut self, bytes: usize) {
        let left = self.cut.left.load(Relaxed).saturating_sub(bytes);
        self.cut.left.store(left, Relaxed);
        if left == 0 {
            self.io().err();
        }
    }
}

impl AsyncRead for End {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut TaskContext<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let most = self.cut.left.load(Relaxed).min(into.remaining());
        let mut some = into.take(most);
        let polled = Pin::new(self.io()?).poll_read(cx, &mut some);
        let read = some.filled().len();
        if let Poll::Ready(Ok(())) = &polled {
            // The bytes are initialized in the taken part of the same buffer.
            into.advance(read);
            self.used(read);
        }
        polled
    }
}

impl AsyncWrite for End {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut TaskContext<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let most = self.cut.left.load(Relaxed).min(bytes.len());
        let written = Pin::new(self.io()?).poll_write(cx, &bytes[..most]);
        if let Poll::Ready(Ok(written)) = written {
            self.used(written);
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<io::Result<()>> {
        Pin::new(self.io()?).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<io::Result<()>> {
        Pin::new(self.io()?).poll_shutdown(cx)
    }
}

/// Where links come from, and what becomes of them.
struct Network {
    dice: Mutex<Dice>,
    /// How many more are cut, and after how many bytes at most.
    cuts: AtomicUsize,
    most: usize,
    /// How many links were opened, the first aside.
    links: AtomicUsize,
    /// How many attempts fail in between.
    failing: AtomicUsize,
    /// The answer to all further attempts.
    refuses: AtomicBool,
    /// The link that is in use.
    current: Mutex<Option<Arc<Cut>>>,
}

impl Network {
    fn new(seed: u64, cuts: usize, most: usize) -> Arc<Self> {
        Arc::new(Self {
            dice: Mutex::new(Dice(seed)),
            cuts: AtomicUsize::new(cuts),
            most,
            links: AtomicUsize::new(0),
            failing: AtomicUsize::new(0),
            refuses: AtomicBool::new(false),
            current: Mutex::new(None),
        })
    }

    fn pipe(&self) -> (End, End) {
        let cuts = self.cuts.load(Relaxed);
        let bytes = if cuts == 0 {
            usize::MAX
        } else {
            self.cuts.store(cuts - 1, Relaxed);
            self.dice.lock().expect("not poisoned").up_to(self.most)
        };
        let cut = Cut::after(bytes);
        let pair = End::pair(&cut);
        *self.current.lock().expect("not poisoned") = Some(cut);
        pair
    }

    /// Cuts the link in use; its ends notice when they use it.
    fn cut(&self) {
        let current = self.current.lock().expect("not poisoned");
        let current = current.as_ref().expect("a link");
        current.is_cut.store(true, SeqCst);
    }
}

struct Connector<H: crate::Hub> {
    server: HubServer<H>,
    network: Arc<Network>,
}

impl<H: crate::Hub> Connect for Connector<H> {
    fn connect(&self) -> BoxFuture<Result<Connected, Error>> {
        // The handshake itself is not repeated, so its link lasts a little.
        let cut = Cut::after(usize::MAX);
        let (near, far) = End::pair(&cut);
        *self.network.current.lock().expect("not poisoned") = Some(cut);
        let (links, served) = self.server.serve_links(Box::new(Raw::new(far)));
        tokio::spawn(served);
        let network = Arc::clone(&self.network);
        let connected = Connected {
            transport: Box::new(Raw::new(near)),
            id: None,
            is_alive_by_itself: false,
            redial: Some(Box::new(move || {
                let link = redial(&network, &links);
                Box::pin(async move { link })
            })),
        };
        Box::pin(async move { Ok(connected) })
    }
}

fn redial(network: &Network, links: &Arc<Links>) -> Result<Box<dyn Transport>, Error> {
    if network.refuses.load(Relaxed) || !links.are_wanted() {
        return Err(Kind::Status {
            what: "the WebSocket",
            url: "http://test".into(),
            status: 404,
        }
        .into());
    }
    let failing = network.failing.load(Relaxed);
    if failing > 0 {
        network.failing.store(failing - 1, Relaxed);
        return Err(io::Error::from(io::ErrorKind::ConnectionRefused).into());
    }
    network.links.fetch_add(1, Relaxed);
    let (near, far) = network.pipe();
    links.offer(Box::new(Raw::new(far)));
    Ok(Box::new(Raw::new(near)))
}

#[derive(Clone, Default)]
struct Counter(Arc<Mutex<Vec<String>>>);

impl Counter {
    fn note(&self, text: impl Into<String>) {
        self.0.lock().expect("not poisoned").push(text.into());
    }

    fn all(&self) -> Vec<String> {
        self.0.lock().expect("not poisoned").clone()
    }
}

#[hub]
impl Counter {
    async fn on_connected(&self, _: &Connecting<Self>) -> Result<(), HubError> {
        self.note("connected");
        Ok(())
    }

    async fn on_disconnected(&self, _: &Context<Self>, _: Option<&Error>) {
        self.note("disconnected");
    }

    pub fn number(&self, number: u32) {
        self.note(number.to_string());
    }

    pub fn double(&self, number: u32) -> u32 {
        2 * number
    }

    /// Sends so many numbers, while further calls are taken.
    pub fn begin(&self, cx: &Context<Self>, count: u32) {
        let caller = cx.clients().caller();
        tokio::spawn(async move {
            for number in 0..count {
                let sent = caller.send("number", (number,)).await;
                sent.expect("the connection is open");
            }
        });
    }
}

fn builder(
    network: &Arc<Network>,
    counter: &Counter,
    protocol: HubProtocol,
) -> HubConnectionBuilder {
    let server = HubServer::builder(counter.clone())
        .stateful_reconnect(true)
        .build()
        .expect("valid");
    let network = Arc::clone(network);
    HubConnectionBuilder::new(Box::new(Connector { server, network }))
        .protocol(protocol)
        .stateful_reconnect()
}

/// Numbers in both directions at once, and questions between them, while every link is cut.
async fn storm(protocol: HubProtocol, seed: u64, cuts: usize, count: u32) {
    let (counter, network) = (Counter::default(), Network::new(seed, cuts, 120_000));
    let heard = Arc::new(Mutex::new(Vec::new()));
    let (log, ends) = (Arc::clone(&heard), Counter::default());
    let told = ends.clone();
    let connection = builder(&network, &counter, protocol)
        .on("number", move |number: u32| {
            log.lock().expect("not poisoned").push(number);
            std::future::ready(())
        })
        .automatic_reconnect()
        .on_reconnecting(move |error| {
            told.note(format!("{error:?}"));
            std::future::ready(())
        })
        .connect()
        .await
        .expect("connected");
    connection
        .invoke::<()>("begin", (count,))
        .await
        .expect("begun");
    network.cut();
    for number in 0..count {
        let sent = connection.send("number", (number,)).await;
        sent.expect("the connection is open");
        if number % 1_000 == 0 {
            let double = connection.invoke::<u32>("double", (number,)).await;
            assert_eq!(double.expect("an answer"), 2 * number);
        }
    }
    while heard.lock().expect("not poisoned").len() < usize::try_from(count).expect("few") {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    connection
        .invoke::<u32>("double", (1,))
        .await
        .expect("still there");
    // What might come twice would come now.
    tokio::time::sleep(Duration::from_secs(3)).await;

    assert!(ends.all().is_empty(), "{:?}", ends.all());
    assert_eq!(network.cuts.load(Relaxed), 0, "all cuts were made");
    assert!(network.links.load(Relaxed) > cuts, "the last link as well");
    let heard = heard.lock().expect("not poisoned");
    assert!(heard.iter().copied().eq(0..count), "in order, each once");
    let noted = counter.all();
    assert_eq!(noted[0], "connected");
    let numbers = noted[1..].iter().map(|number| number.parse::<u32>());
    assert!(numbers.eq((0..count).map(Ok)), "in order, each once");
}

#[tokio::test(start_paused = true)]
async fn two_hundred_cuts_lose_and_double_nothing_in_json() {
    storm(HubProtocol::Json, 0x5eed_0001, 200, 100_000).await;
}

#[tokio::test(start_paused = true)]
async fn two_hundred_cuts_lose_and_double_nothing_in_messagepack() {
    storm(HubProtocol::MessagePack, 0x5eed_0002, 200, 100_000).await;
}

/// A client whose first link is in use.
async fn connected(network: &Arc<Network>, counter: &Counter) -> HubConnection {
    let connection = builder(network, counter, HubProtocol::Json).connect().await;
    connection.expect("connected")
}

#[tokio::test(start_paused = true)]
async fn attempts_go_on_while_the_server_may_wait() {
    let (counter, network) = (Counter::default(), Network::new(1, 0, 1));
    let connection = connected(&network, &counter).await;
    network.failing.store(8, Relaxed);
    network.cut();
    let double = connection.invoke::<u32>("double", (4,)).await;
    assert_eq!(double.expect("an answer"), 8);
    assert_eq!(network.failing.load(Relaxed), 0);
    assert_eq!(counter.all(), ["connected"]);
    assert_eq!(connection.state(), HubConnectionState::Connected);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_refuses_is_asked_once_and_the_connection_is_lost() {
    let (counter, network) = (Counter::default(), Network::new(1, 0, 1));
    let connection = connected(&network, &counter).await;
    network.refuses.store(true, Relaxed);
    network.cut();
    let error = connection.invoke::<u32>("double", (4,)).await;
    assert_eq!(
        error.expect_err("lost").to_string(),
        "Reconnect attempt failed."
    );
    let mut states = connection.states();
    let disconnected = |state: &HubConnectionState| *state == HubConnectionState::Disconnected;
    states.wait_for(disconnected).await.expect("kept");
}

#[tokio::test(start_paused = true)]
async fn automatic_reconnect_has_its_turn_when_the_time_is_over() {
    let (counter, network) = (Counter::default(), Network::new(1, 0, 1));
    let connection = builder(&network, &counter, HubProtocol::Json)
        .automatic_reconnect()
        .connect()
        .await
        .expect("connected");
    network.failing.store(usize::MAX, Relaxed);
    network.cut();
    let begun = tokio::time::Instant::now();
    let error = connection.invoke::<u32>("double", (4,)).await;
    assert!(error.is_err());
    let waited = begun.elapsed();
    assert!(
        (Duration::from_secs(14)..Duration::from_secs(17)).contains(&waited),
        "{waited:?}"
    );
    let mut states = connection.states();
    let connected = |state: &HubConnectionState| *state == HubConnectionState::Connected;
    states.wait_for(connected).await.expect("kept");
    tokio::time::sleep(Duration::from_secs(20)).await;
    // Another connection, whichever end has noticed first.
    let mut noted = counter.all();
    noted.sort();
    assert_eq!(noted, ["connected", "connected", "disconnected"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_sent_in_the_gap_goes_out_after_it() {
    let (counter, network) = (Counter::default(), Network::new(1, 0, 1));
    let connection = connected(&network, &counter).await;
    network.failing.store(6, Relaxed);
    network.cut();
    for number in 0..50 {
        connection.send("number", (number,)).await.expect("kept");
    }
    tokio::time::sleep(Duration::from_secs(10)).await;
    let numbers = (0..50).map(|number| number.to_string());
    assert!(counter.all()[1..].iter().cloned().eq(numbers));
}

#[tokio::test(start_paused = true)]
async fn a_full_buffer_makes_senders_wait_and_an_acknowledgement_releases_them() {
    let (counter, network) = (Counter::default(), Network::new(1, 0, 1));
    let connection = builder(&network, &counter, HubProtocol::Json)
        .stateful_reconnect_buffer(1_000)
        .send_queue_limit(1_000)
        .connect()
        .await
        .expect("connected");
    let begun = tokio::time::Instant::now();
    for number in 0..200 {
        connection.send("number", (number,)).await.expect("kept");
    }
    // 200 messages of 48 bytes, of which about 2 KB are under way at once, and an acknowledgement a second.
    let waited = begun.elapsed();
    assert!(
        (Duration::from_secs(4)..Duration::from_secs(12)).contains(&waited),
        "{waited:?}"
    );
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert_eq!(counter.all().len(), 201);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_stops_opens_no_further_link() {
    let (counter, network) = (Counter::default(), Network::new(1, 0, 1));
    let connection = connected(&network, &counter).await;
    connection.stop().await;
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert_eq!(network.links.load(Relaxed), 0);
    assert_eq!(counter.all(), ["connected", "disconnected"]);
}
