//! The end of a server: everybody is told, a deadline for those who do not listen, and no newcomers.

use std::time::Duration;

use serde_json::json;
use signalr::{Connecting, Context, Error, HubError, HubServer, hub};
use tokio::time::Instant;

use crate::support::{Encoding, Log, Peer, settle, since, soon, wait};

#[derive(Clone, Default)]
struct Inn {
    log: Log,
    /// How long `on_disconnected` takes.
    slow: Duration,
}

#[hub]
impl Inn {
    async fn on_connected(&self, cx: &Connecting<Self>) -> Result<(), HubError> {
        Ok(cx.join("guests").await?)
    }

    async fn on_disconnected(&self, _: &Context<Self>, reason: Option<&Error>) {
        assert!(reason.is_none());
        tokio::time::sleep(self.slow).await;
        self.log.note("disconnected");
    }

    pub async fn stay(&self) {
        let _end = self.log.on_drop("call dropped");
        std::future::pending::<()>().await;
    }
}

const CLOSE: &str = r#"{"type":7,"allowReconnect":true}"#;
const MINUTE: Duration = Duration::from_secs(60);

#[apply(both_encodings)]
async fn every_client_is_told_to_come_back_and_the_server_ends_when_all_have_gone() {
    let hub = Inn::default();
    let server = HubServer::new(hub.clone());
    let mut peers = Vec::new();
    for _ in 0..100 {
        peers.push(Peer::connect(&server).await);
    }
    peers[0].tell("stay", json!([])).await;
    settle().await;
    let all = server.context().clients().all();
    all.send("last", ()).await.expect("sent");
    let start = Instant::now();
    let ending = server.clone();
    let ending = tokio::spawn(async move { ending.shutdown(MINUTE).await });
    let waiting = server.clone();
    let waiting = tokio::spawn(async move { waiting.closed().await });
    for mut peer in peers {
        // What was sent before comes first.
        peer.heard("last").await;
        peer.expect_close(CLOSE).await;
    }
    soon(ending).await.expect("no panic");
    soon(waiting).await.expect("no panic");
    assert!(since(start) < 1_000);
    assert_eq!(hub.log.count("disconnected"), 100);
    assert_eq!(hub.log.count("call dropped"), 1);
    assert_eq!((server.connection_count(), server.group_count()), (0, 0));
}

#[apply(both_encodings)]
async fn newcomers_are_refused_from_the_shutdown_on() {
    let server = HubServer::new(Inn::default());
    let mut early = Peer::connect(&server).await;
    let mut halfway = Peer::open(&server);
    settle().await;
    let ending = server.clone();
    let ending = tokio::spawn(async move { ending.shutdown(MINUTE).await });
    settle().await;
    let mut late = Peer::open(&server);
    let handshake = Encoding::of_this_test().handshake();
    late.try_send_bytes(&handshake).await;
    assert_eq!(late.frame().await, None);
    // Who had not shaken hands yet hears a refusal.
    let refusal = r#"{"error":"Handshake was canceled."}"#;
    assert_eq!(halfway.frame().await.as_deref(), Some(refusal));
    assert_eq!(halfway.frame().await, None);
    early.expect_close(CLOSE).await;
    drop((early, halfway));
    soon(ending).await.expect("no panic");
    // For good.
    let mut late = Peer::open(&server);
    assert_eq!(late.frame().await, None);
    assert_eq!(server.connection_count(), 0);
}

#[apply(both_encodings)]
async fn a_hub_that_hangs_in_on_disconnected_is_cut_at_the_deadline() {
    let hub = Inn {
        slow: Duration::from_secs(3_600),
        ..Inn::default()
    };
    let server = HubServer::new(hub.clone());
    let mut peer = Peer::connect(&server).await;
    peer.expect_silence().await;
    let start = Instant::now();
    let ending = server.clone();
    let ending = tokio::spawn(async move { ending.shutdown(Duration::from_secs(7)).await });
    peer.expect_close(CLOSE).await;
    drop(peer);
    soon(ending).await.expect("no panic");
    assert_eq!(since(start), 7_000);
    assert_eq!(hub.log.all(), [""; 0]);
    assert_eq!((server.connection_count(), server.group_count()), (0, 0));
}

#[apply(both_encodings)]
async fn a_slow_on_disconnected_may_finish_within_the_drain() {
    let hub = Inn {
        slow: Duration::from_secs(5),
        ..Inn::default()
    };
    let server = HubServer::new(hub.clone());
    let peer = Peer::connect(&server).await;
    settle().await;
    drop(peer);
    settle().await;
    let start = Instant::now();
    soon(server.shutdown(Duration::from_secs(7))).await;
    let after = since(start);
    assert!((4_900..=5_100).contains(&after), "after {after} ms");
    assert_eq!(hub.log.all(), ["disconnected"]);
}

#[apply(both_encodings)]
async fn clients_that_do_not_read_or_not_close_are_cut_at_the_deadline() {
    let hub = Inn::default();
    let server = HubServer::new(hub.clone());
    let stuck = Peer::connect_with(&server, 64).await;
    let deaf = Peer::connect(&server).await;
    settle().await;
    let all = server.context().clients().all();
    all.send("news", ("x".repeat(1_000),)).await.expect("sent");
    let start = Instant::now();
    soon(server.shutdown(Duration::from_secs(2))).await;
    assert_eq!(since(start), 2_000);
    assert_eq!(
        hub.log.count("disconnected"),
        2,
        "the hub does not wait for them"
    );
    assert_eq!(server.connection_count(), 0);
    drop((stuck, deaf));
}

#[apply(both_encodings)]
async fn a_hub_that_hangs_in_on_connected_is_cut_at_the_deadline() {
    struct Stuck;
    #[hub]
    impl Stuck {
        async fn on_connected(&self, cx: &Connecting<Self>) -> Result<(), HubError> {
            cx.join("room").await?;
            std::future::pending().await
        }
    }
    let server = HubServer::new(Stuck);
    let mut peer = Peer::connect(&server).await;
    settle().await;
    assert_eq!(server.group_count(), 1);
    let start = Instant::now();
    soon(server.shutdown(Duration::from_secs(2))).await;
    assert_eq!(since(start), 2_000);
    assert_eq!((server.connection_count(), server.group_count()), (0, 0));
    assert_eq!(peer.frame().await, None);
}

#[apply(both_encodings)]
async fn a_server_without_connections_ends_at_once() {
    let server = HubServer::new(Inn::default());
    let start = Instant::now();
    soon(server.closed()).await;
    soon(server.shutdown(MINUTE)).await;
    soon(server.shutdown(MINUTE)).await;
    assert_eq!(since(start), 0);
}

#[apply(both_encodings)]
async fn a_second_shutdown_with_a_shorter_drain_cuts_the_first_short() {
    let hub = Inn {
        slow: Duration::from_secs(3_600),
        ..Inn::default()
    };
    let server = HubServer::new(hub);
    let mut peer = Peer::connect(&server).await;
    peer.expect_silence().await;
    let patient = server.clone();
    let patient = tokio::spawn(async move { patient.shutdown(MINUTE).await });
    wait(1_000).await;
    let start = Instant::now();
    soon(server.shutdown(Duration::from_secs(1))).await;
    soon(patient).await.expect("no panic");
    assert_eq!(since(start), 1_000);
}

#[apply(both_encodings)]
async fn other_servers_go_on() {
    let (ends, stays) = (
        HubServer::new(Inn::default()),
        HubServer::new(Inn::default()),
    );
    let mut in_ending = Peer::connect(&ends).await;
    let mut in_staying = Peer::connect(&stays).await;
    let ending = tokio::spawn(async move { ends.shutdown(MINUTE).await });
    in_ending.expect_close(CLOSE).await;
    drop(in_ending);
    soon(ending).await.expect("no panic");
    in_staying.expect_silence().await;
    Peer::connect(&stays).await.expect_silence().await;
}
