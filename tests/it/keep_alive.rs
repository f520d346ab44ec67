//! Pings and time-outs, to the tick.

use std::{sync::Arc, time::Duration};

use serde_json::json;
use signalr::{Context, Error, HubError, HubServer, HubServerBuilder, Receiver, hub};
use tokio::{sync::Semaphore, time::Instant};

use crate::support::{Log, PING, Peer, since, wait};

#[derive(Clone)]
struct Clock {
    log: Log,
    gate: Arc<Semaphore>,
}

impl Clock {
    fn new() -> Self {
        Self {
            log: Log::default(),
            gate: Arc::new(Semaphore::new(0)),
        }
    }
}

#[hub]
impl Clock {
    async fn on_disconnected(&self, _: &Context<Self>, reason: Option<&Error>) {
        self.log
            .note(reason.map_or_else(String::new, ToString::to_string));
    }

    /// Reads one item each time the gate opens.
    pub async fn upload(&self, mut items: Receiver<u32>) -> Result<u32, HubError> {
        let mut sum = 0;
        loop {
            self.gate.acquire().await.expect("the gate stays").forget();
            let Some(item) = items.recv().await else {
                return Ok(sum);
            };
            sum += item?;
        }
    }

    pub async fn long(&self) -> u8 {
        self.gate.acquire().await.expect("the gate stays").forget();
        7
    }
}

const CLOSE: &str =
    r#"{"type":7,"error":"Connection closed with an error.","allowReconnect":true}"#;

/// Pings each second, time-out after three.
fn quick(hub: &Clock) -> HubServerBuilder<Clock> {
    HubServer::builder(hub.clone())
        .keep_alive(Duration::from_secs(1))
        .client_timeout(Duration::from_secs(3))
}

async fn peer(hub: &Clock) -> (HubServer<Clock>, Peer) {
    let server = quick(hub).build().expect("valid");
    let peer = Peer::connect(&server).await;
    (server, peer)
}

/// The next frame is a ping; how many milliseconds after `start`.
async fn ping(peer: &mut Peer, start: Instant) -> u64 {
    assert_eq!(peer.frame().await.as_deref(), Some(PING));
    since(start)
}

#[track_caller]
fn about(expected: u64, after: u64) {
    assert!(
        (expected - 200..=expected + 200).contains(&after),
        "after {after} ms, not {expected}"
    );
}

#[apply(both_encodings)]
async fn a_silent_client_gets_a_ping_each_second_and_is_closed_after_three() {
    let hub = Clock::new();
    let (_, mut peer) = peer(&hub).await;
    let start = Instant::now();
    about(1_000, ping(&mut peer, start).await);
    about(2_000, ping(&mut peer, start).await);
    let mut frame = peer.frame().await;
    if frame.as_deref() == Some(PING) {
        about(3_000, since(start));
        frame = peer.frame().await;
    }
    assert_eq!(frame.as_deref(), Some(CLOSE));
    let after = since(start);
    assert!((3_000..=4_000).contains(&after), "closed after {after} ms");
    assert_eq!(peer.frame().await, None);
    assert_eq!(
        hub.log.all(),
        ["Client hasn't sent a message/ping within the configured ClientTimeoutInterval."]
    );
}

#[apply(both_encodings)]
async fn detailed_errors_name_the_timeout() {
    let server = quick(&Clock::new()).detailed_errors(true).build();
    let mut peer = Peer::connect(&server.expect("valid")).await;
    peer.expect_close(
        r#"{"type":7,"error":"Connection closed with an error. OperationCanceledException: Client hasn't sent a message/ping within the configured ClientTimeoutInterval.","allowReconnect":true}"#,
    )
    .await;
}

#[apply(both_encodings)]
async fn a_chatty_client_still_gets_a_ping_each_second() {
    let (_, mut peer) = peer(&Clock::new()).await;
    let start = Instant::now();
    for tenth in 1..=100 {
        wait(100).await;
        peer.send(PING).await;
        if tenth % 10 == 0 {
            wait(20).await;
            about(tenth * 100, ping(&mut peer, start).await);
        }
    }
}

#[apply(both_encodings)]
async fn any_message_puts_the_next_ping_off_by_a_whole_interval() {
    let (server, mut peer) = peer(&Clock::new()).await;
    let start = Instant::now();
    wait(900).await;
    let all = server.context().clients().all();
    all.send("news", ()).await.expect("sent");
    assert_eq!(
        peer.frame().await.as_deref(),
        Some(r#"{"type":1,"target":"news","arguments":[]}"#)
    );
    assert!(since(start) < 950);
    let after = ping(&mut peer, start).await;
    assert!((1_700..=2_100).contains(&after), "after {after} ms");
}

#[apply(both_encodings)]
async fn no_ping_is_sent_while_other_messages_are() {
    let (server, mut peer) = peer(&Clock::new()).await;
    let all = server.context().clients().all();
    for _ in 0..40 {
        wait(500).await;
        peer.send(PING).await;
        all.send("news", ()).await.expect("sent");
        assert_eq!(
            peer.frame().await.as_deref(),
            Some(r#"{"type":1,"target":"news","arguments":[]}"#)
        );
    }
}

#[apply(both_encodings)]
async fn a_client_that_pings_every_two_seconds_is_never_closed() {
    let hub = Clock::new();
    let (server, mut peer) = peer(&hub).await;
    for _ in 0..30 {
        wait(2_000).await;
        peer.send(PING).await;
    }
    assert_eq!(server.connection_count(), 1);
    let mut pings = 0;
    peer.call("end", "nosuch", json!([])).await;
    while peer.frame().await.as_deref() == Some(PING) {
        pings += 1;
    }
    assert!((55..=61).contains(&pings), "{pings} pings in 60 seconds");
    assert_eq!(hub.log.all(), [""; 0]);
}

#[apply(both_encodings)]
async fn any_whole_message_is_a_sign_of_life() {
    let (server, mut peer) = peer(&Clock::new()).await;
    for message in [
        r#"{"type":42}"#,
        r#"{"type":3,"invocationId":"nobody"}"#,
        r#"{"type":1,"target":"nosuch","arguments":[]}"#,
        r#"{"type":5,"invocationId":"nobody"}"#,
        r#"{"type":8,"sequenceId":1}"#,
        r#"{"type":2,"invocationId":"nobody","item":1}"#,
    ] {
        wait(2_500).await;
        peer.send(message).await;
    }
    wait(2_500).await;
    assert_eq!(server.connection_count(), 1);
    peer.expect_silence().await;
}

#[apply(both_encodings)]
async fn the_default_times_are_fifteen_and_thirty_seconds() {
    let mut peer = Peer::connect(&HubServer::new(Clock::new())).await;
    let start = Instant::now();
    let first = ping(&mut peer, start).await;
    assert!(
        (14_000..=16_000).contains(&first),
        "pinged after {first} ms"
    );
    let mut frame = peer.frame().await;
    while frame.as_deref() == Some(PING) {
        frame = peer.frame().await;
    }
    assert_eq!(frame.as_deref(), Some(CLOSE));
    let after = since(start);
    assert!(
        (30_000..=31_500).contains(&after),
        "closed after {after} ms"
    );
}

#[apply(both_encodings)]
async fn a_client_is_not_timed_out_while_the_server_does_not_read_it() {
    let hub = Clock::new();
    let (server, mut peer) = peer(&hub).await;
    peer.send(
        r#"{"type":1,"invocationId":"u","target":"upload","arguments":[],"streamIds":["n"]}"#,
    )
    .await;
    // Ten wait in the buffer, some hundreds are parked, and the rest waits at the door.
    for item in 0..2_000 {
        peer.send(&format!(r#"{{"type":2,"invocationId":"n","item":{item}}}"#))
            .await;
    }
    wait(20_000).await;
    assert_eq!(server.connection_count(), 1);
    // Pings went out all the time.
    for _ in 0..18 {
        assert_eq!(peer.frame().await.as_deref(), Some(PING));
    }
    // The clock starts afresh when reading goes on.
    hub.gate.add_permits(2_001);
    let start = Instant::now();
    peer.send(r#"{"type":3,"invocationId":"n"}"#).await;
    assert_eq!(peer.completion("u").await, (0..2_000).sum::<i32>());
    while peer.frame().await.as_deref() == Some(PING) {}
    let after = since(start);
    assert!((3_000..=4_000).contains(&after), "closed after {after} ms");
}

#[apply(both_encodings)]
async fn a_method_may_run_for_an_hour() {
    let hub = Clock::new();
    let (_, mut peer) = peer(&hub).await;
    peer.call("1", "long", json!([])).await;
    for _ in 0..3_600 {
        wait(1_000).await;
        peer.send(PING).await;
    }
    hub.gate.add_permits(1);
    assert_eq!(peer.completion("1").await, 7);
}

#[apply(both_encodings)]
async fn a_running_method_does_not_keep_a_silent_client_alive() {
    let hub = Clock::new();
    let (_, mut peer) = peer(&hub).await;
    peer.call("1", "long", json!([])).await;
    let start = Instant::now();
    while peer.frame().await.as_deref() == Some(PING) {}
    let after = since(start);
    assert!((3_000..=4_000).contains(&after), "closed after {after} ms");
}

#[apply(both_encodings)]
async fn the_heartbeat_stops_with_the_last_connection_and_starts_with_the_next() {
    let server = quick(&Clock::new()).build().expect("valid");
    for _ in 0..3 {
        let mut peer = Peer::connect(&server).await;
        let start = Instant::now();
        about(1_000, ping(&mut peer, start).await);
        peer.leave().await;
        wait(100_000).await;
        assert_eq!(
            tokio::runtime::Handle::current()
                .metrics()
                .num_alive_tasks(),
            0
        );
    }
}

#[apply(both_encodings)]
async fn short_intervals_are_kept_to_a_tenth() {
    for interval in [100, 250, 2_000, 5_000] {
        let server = HubServer::builder(Clock::new())
            .keep_alive(Duration::from_millis(interval))
            .client_timeout(Duration::from_millis(3 * interval))
            .build()
            .expect("valid");
        let mut peer = Peer::connect(&server).await;
        let mut last = Instant::now();
        for _ in 0..20 {
            let after = ping(&mut peer, last).await;
            let slack = interval / 5;
            assert!(
                (interval - slack..=interval + slack).contains(&after),
                "{after} ms after the last, not {interval}"
            );
            last = Instant::now();
            peer.send(PING).await;
        }
    }
}

#[test]
fn a_server_outlives_its_runtime() {
    let server = quick(&Clock::new())
        .build()
        .expect("made outside of any runtime");
    for _ in 0..3 {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let mut peer = Peer::connect(&server).await;
            let start = Instant::now();
            about(1_000, ping(&mut peer, start).await);
        });
        // The runtime goes away with a connection open.
        drop(runtime);
        assert_eq!(server.connection_count(), 0);
    }
}
