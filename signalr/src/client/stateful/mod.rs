//! Stateful reconnect between this client and this server in one process, over pipes that are cut at random bytes.

mod network;

use std::{
    sync::{Arc, Mutex, atomic::Ordering::Relaxed},
    time::Duration,
};

use self::network::{Connector, Network};
use super::HubConnectionBuilder;
use crate::{
    Connecting, Context, Error, HubConnection, HubConnectionState, HubError, HubProtocol,
    HubServer, hub,
};

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
    HubConnectionBuilder::of_streams(Connector { server, network })
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
async fn links_that_are_lost_before_anything_is_heard_count_as_attempts_that_failed() {
    // Each breaks off after a byte.
    let (counter, network) = (Counter::default(), Network::new(1, usize::MAX, 1));
    let connection = connected(&network, &counter).await;
    network.cut();
    let begun = tokio::time::Instant::now();
    let error = connection.invoke::<u32>("double", (4,)).await;
    let error = error.expect_err("lost");
    assert_eq!(error.to_string(), "Reconnect attempt failed.");
    let cause = std::error::Error::source(&error).expect("a cause");
    assert_eq!(
        cause.to_string(),
        "in 15s there was no link on which the server said its number"
    );
    assert_eq!(begun.elapsed().as_secs(), 15);
    // At once, after 0.1, 0.2, 0.4, 0.8 and 1.6 s, and then every two.
    assert_eq!(network.links.load(Relaxed), 11);
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
async fn two_ends_that_are_both_full_do_not_block_each_other() {
    for protocol in [HubProtocol::Json, HubProtocol::MessagePack] {
        let (counter, network) = (Counter::default(), Network::new(1, 0, 1));
        let server = HubServer::builder(counter.clone())
            .stateful_reconnect(true)
            .stateful_reconnect_buffer(1_000)
            .send_queue_limit(1_000)
            .build()
            .expect("valid");
        let connector = Connector {
            server,
            network: Arc::clone(&network),
        };
        let heard = Counter::default();
        let log = heard.clone();
        let connection = HubConnectionBuilder::of_streams(connector)
            .protocol(protocol)
            .stateful_reconnect_buffer(1_000)
            .send_queue_limit(1_000)
            .on("number", move |number: u32| {
                log.note(number.to_string());
                std::future::ready(())
            })
            .connect()
            .await
            .expect("connected");
        connection
            .invoke::<()>("begin", (400,))
            .await
            .expect("begun");
        let calls = (0..400).map(|number| connection.invoke::<u32>("double", (number,)));
        let answers = tokio::time::timeout(
            Duration::from_secs(300),
            futures_util::future::try_join_all(calls),
        );
        let answers = answers.await.expect("nobody waits for ever");
        let answers = answers.expect("all are answered");
        assert!(answers.into_iter().eq((0..400).map(|number| 2 * number)));
        tokio::time::sleep(Duration::from_secs(60)).await;
        let numbers = (0..400).map(|number| number.to_string());
        assert!(heard.all().into_iter().eq(numbers));
        // Nobody has given up: it still survives its link.
        network.cut();
        let double = connection.invoke::<u32>("double", (4,)).await;
        assert_eq!(double.expect("an answer"), 8);
        assert_eq!(network.links.load(Relaxed), 1);
        assert_eq!(counter.all(), ["connected"]);
    }
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
