//! WebSockets while time passes: through hyper's upgrade over an in-memory pipe, so that the clock can be paused.

use std::time::Duration;

use hyper::server::conn::http1;
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use serde_json::json;
use signalr::{Context, Error, HubServer, hub};
use tokio::{io::DuplexStream, time::Instant};

use crate::support::{
    Log, PING, settle, since, soon, wait,
    web::{CLOSE, TEXT, Wire},
};

/// What a pipe holds in each direction.
const PIPE: usize = 64 * 1024;

struct Quiet(Log);

#[hub]
impl Quiet {
    async fn on_disconnected(&self, _: &Context<Self>, _: Option<&Error>) {
        self.0.note("disconnected");
    }

    pub fn leave(&self, cx: &Context<Self>) {
        cx.abort();
    }
}

/// A WebSocket whose far end is served by hyper.
async fn connect(hub: &HubServer<Quiet>) -> Wire<DuplexStream> {
    let (near, far) = tokio::io::duplex(PIPE);
    let service = TowerToHyperService::new(hub.clone());
    let served = http1::Builder::new().serve_connection(TokioIo::new(far), service);
    tokio::spawn(served.with_upgrades());
    let mut wire = Wire::over(near);
    wire.shake_hands("/").await;
    wire
}

fn text(message: &str) -> Option<(u8, Vec<u8>)> {
    Some((TEXT, format!("{message}\u{1e}").into_bytes()))
}

fn close_frame() -> Option<(u8, Vec<u8>)> {
    Some((CLOSE, vec![0x03, 0xe8]))
}

/// A hub whose client has been sent away: everything is said, and the close frame waits for its answer.
async fn sent_away() -> (HubServer<Quiet>, Log, Wire<DuplexStream>) {
    let log = Log::default();
    let hub = HubServer::new(Quiet(log.clone()));
    let mut wire = connect(&hub).await;
    wire.tell(r#"{"type":1,"target":"leave","arguments":[]}"#)
        .await;
    assert_eq!(wire.next().await, text(r#"{"type":7}"#));
    assert_eq!(wire.next().await, close_frame());
    (hub, log, wire)
}

#[tokio::test(start_paused = true)]
async fn ten_quiet_minutes_hold_a_ping_of_the_hub_every_fifteen_seconds_and_no_ping_frame() {
    let hub = HubServer::new(Quiet(Log::default()));
    let mut wire = connect(&hub).await;
    let start = Instant::now();
    let mut pings = 0;
    while since(start) < 600_000 {
        // Whatever else comes, a ping frame first of all, fails here.
        assert_eq!(wire.next().await, text(PING));
        pings += 1;
        wire.tell(PING).await;
    }
    assert!((37..=40).contains(&pings), "{pings} pings");
    // Nor does one come while a client is given up for its silence.
    assert_eq!(wire.next().await, text(PING));
    let close = r#"{"type":7,"error":"Connection closed with an error.","allowReconnect":true}"#;
    let mut last = wire.next().await;
    if last == text(PING) {
        last = wire.next().await;
    }
    assert_eq!(last, text(close));
    assert_eq!(wire.next().await, close_frame());
}

#[tokio::test(start_paused = true)]
async fn the_close_time_out_can_be_set() {
    let log = Log::default();
    let hub = HubServer::builder(Quiet(log.clone())).close_timeout(Duration::from_secs(20));
    let hub = hub.build().expect("valid");
    let mut wire = connect(&hub).await;
    wire.tell(r#"{"type":1,"target":"leave","arguments":[]}"#)
        .await;
    assert_eq!(wire.next().await, text(r#"{"type":7}"#));
    assert_eq!(wire.next().await, close_frame());
    let start = Instant::now();
    assert_eq!(wire.next().await, None);
    assert!((20_000..20_100).contains(&since(start)), "{}", since(start));
}

#[tokio::test(start_paused = true)]
async fn a_socket_whose_close_frame_is_not_answered_is_aborted_after_five_seconds() {
    let (hub, log, mut wire) = sent_away().await;
    let start = Instant::now();
    // The hub has let it go already.
    settle().await;
    assert_eq!(log.all(), ["disconnected"]);
    assert_eq!(hub.connection_count(), 1, "the socket is still there");
    assert_eq!(wire.next().await, None);
    let after = since(start);
    assert!((4_900..=5_100).contains(&after), "after {after} ms");
    assert_eq!(hub.connection_count(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_close_frame_that_is_answered_late_ends_the_socket_at_once() {
    let (hub, _, mut wire) = sent_away().await;
    wait(4_000).await;
    assert_eq!(hub.connection_count(), 1);
    let start = Instant::now();
    wire.frame(CLOSE, &[0x03, 0xe8]).await;
    assert_eq!(wire.next().await, None);
    assert!(since(start) < 100, "after {} ms", since(start));
    soon(hub.closed()).await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_goes_on_talking_instead_of_closing_is_aborted_too() {
    let (hub, log, mut wire) = sent_away().await;
    let start = Instant::now();
    // Up to shortly before its time is up.
    for _ in 0..24 {
        wire.tell(PING).await;
        wire.frame(0x89, b"still there").await;
        wait(200).await;
    }
    // A ping frame is answered until a close frame comes (RFC 6455, section 5.5.2); nothing else is said.
    let pong = (0x8a, b"still there".to_vec());
    while let Some(frame) = wire.next().await {
        assert_eq!(frame, pong);
    }
    let after = since(start);
    assert!((4_900..=5_100).contains(&after), "after {after} ms");
    assert_eq!((hub.connection_count(), log.all().len()), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_even_read_the_close_frame_is_aborted_too() {
    let log = Log::default();
    let hub = HubServer::new(Quiet(log.clone()));
    let wire = connect(&hub).await;
    // More than the pipe holds: the Close message waits behind it.
    let all = hub.context().clients().all();
    let news = "x".repeat(2 * PIPE);
    all.send("news", (&news,)).await.expect("queued");
    let mut peer = connect(&hub).await;
    settle().await;
    let start = Instant::now();
    let shutdown = hub.shutdown(std::time::Duration::from_secs(60));
    let (said, ()) = tokio::join!(
        async {
            let close = (peer.messages().await, peer.next().await);
            peer.frame(CLOSE, &[0x03, 0xe8]).await;
            close
        },
        shutdown
    );
    assert_eq!(said.0, [json!({ "type": 7, "allowReconnect": true })]);
    assert_eq!(said.1, close_frame());
    let after = since(start);
    assert!((4_900..=5_100).contains(&after), "after {after} ms");
    assert_eq!(log.count("disconnected"), 2);
    drop(wire);
}
