//! Clients that read slowly or not at all.

use std::time::Duration;

use serde_json::json;
use signalr::{Context, Error, HubServer, hub};
use tokio::time::Instant;

use crate::support::{Encoding, Log, PING, Peer, since, soon, wait};

struct Feed(Log);

#[hub]
impl Feed {
    async fn on_disconnected(&self, cx: &Context<Self>, reason: Option<&Error>) {
        let reason = reason.map(ToString::to_string).unwrap_or_default();
        self.0
            .note(format!("{} {reason}", cx.user_id().unwrap_or("?")));
    }

    pub fn answer(&self) -> u8 {
        1
    }
}

fn feed() -> (HubServer<Feed>, Log) {
    let log = Log::default();
    (HubServer::new(Feed(log.clone())), log)
}

async fn broadcast(server: &HubServer<Feed>, size: usize) {
    let text = "x".repeat(size);
    let all = server.context().clients().all();
    all.send("news", (text,)).await.expect("sent");
}

#[apply(both_encodings)]
async fn a_client_that_stops_reading_is_closed_within_the_send_timeout() {
    let (server, log) = feed();
    // Its pipe holds little, so the server's writes stall at once.
    let deaf = Peer::connect_with(&server, 1_024).await;
    let start = Instant::now();
    for _ in 0..4_000 {
        soon(broadcast(&server, 20_000)).await;
    }
    let lasted = since(start);
    assert!(
        (10_000..=12_000).contains(&lasted),
        "senders waited {lasted} ms"
    );
    wait(1_000).await;
    assert_eq!(server.connection_count(), 0);
    assert_eq!(
        log.all(),
        ["? the peer took nothing for the `send_timeout` of 10s"]
    );
    drop(deaf);
}

#[apply(both_encodings)]
async fn the_others_get_their_messages_while_one_is_blocked() {
    let (server, _) = feed();
    let deaf = Peer::connect_with(&server, 1_024).await;
    let mut reader = Peer::connect(&server).await;
    let sender = tokio::spawn({
        let server = server.clone();
        async move {
            for _ in 0..20 {
                broadcast(&server, 20_000).await;
            }
        }
    });
    // Up to the limit of the deaf one's queue everything arrives at once; the message that has to wait for it arrives elsewhere too.
    let start = Instant::now();
    for _ in 0..5 {
        assert!(soon(reader.text()).await.contains("news"));
    }
    assert!(since(start) < 1_000, "after {} ms", since(start));
    assert!(!sender.is_finished(), "the sender waits for the deaf one");
    for _ in 5..20 {
        assert!(soon(reader.text()).await.contains("news"));
    }
    soon(sender).await.expect("released");
    drop(deaf);
}

#[apply(both_encodings)]
async fn a_client_that_reads_again_in_time_misses_nothing() {
    let (server, log) = feed();
    let mut peer = Peer::connect_with(&server, 1_024).await;
    let sender = tokio::spawn({
        let server = server.clone();
        async move {
            for _ in 0..20 {
                broadcast(&server, 20_000).await;
            }
        }
    });
    wait(8_000).await;
    for _ in 0..20 {
        assert!(peer.text().await.contains("news"));
    }
    soon(sender).await.expect("sent");
    assert!(log.all().is_empty());
}

#[apply(both_encodings)]
async fn a_message_larger_than_the_queue_passes() {
    let (server, _) = feed();
    let mut peer = Peer::connect(&server).await;
    broadcast(&server, 500_000).await;
    assert!(peer.text().await.len() > 500_000);
}

#[apply(both_encodings)]
async fn reading_byte_by_byte_does_not_stretch_the_time() {
    let (server, _) = feed();
    let mut peer = Peer::connect_with(&server, 64).await;
    let start = Instant::now();
    let sender = tokio::spawn({
        let server = server.clone();
        async move {
            for _ in 0..10 {
                broadcast(&server, 60_000).await;
            }
        }
    });
    for _ in 0..16 {
        assert!(peer.read_one().await);
        wait(1_000).await;
    }
    assert!(since(start) < 17_000);
    assert_eq!(server.connection_count(), 0, "given up after ten seconds");
    soon(sender).await.expect("released");
}

#[apply(both_encodings)]
async fn a_client_that_calls_without_reading_is_not_read_for_ever() {
    let server = HubServer::builder(Feed(Log::default()))
        .send_queue_limit(4_096)
        .build()
        .expect("valid options");
    let mut peer = Peer::connect_with(&server, 4_096).await;
    let call = r#"{"type":1,"invocationId":"1","target":"answer","arguments":[]}"#;
    let call = Encoding::of_this_test().frame(call);
    let mut sent = 0;
    // Both pipes and the queue fill up, then writing stalls until the server gives up.
    let flood = async {
        while peer.try_send_bytes(&call).await {
            sent += 1;
        }
    };
    let start = Instant::now();
    soon(flood).await;
    assert!(sent * call.len() < 64_000, "{sent} calls were taken");
    assert!(
        (10_000..=12_000).contains(&since(start)),
        "{} ms",
        since(start)
    );
}

#[apply(both_encodings)]
async fn no_ping_queues_up_behind_what_the_client_does_not_take() {
    let server = HubServer::builder(Feed(Log::default()))
        .keep_alive(Duration::from_secs(1))
        .build()
        .expect("valid options");
    let mut peer = Peer::connect_with(&server, 1_024).await;
    broadcast(&server, 10_000).await;
    wait(8_000).await;
    peer.call("1", "answer", json!([])).await;
    assert!(peer.frame().await.expect("open").contains("news"));
    let mut pings = 0;
    while peer.frame().await.expect("open") == PING {
        pings += 1;
    }
    assert!(pings <= 1, "{pings} pings had queued up");
}
