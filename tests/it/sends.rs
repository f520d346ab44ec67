//! What a send costs, and what becomes of one that is given up.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use serde::{Serialize, Serializer};
use serde_json::json;
use signalr::{HubProtocol, HubServer, HubServerBuilder, hub};

use crate::support::{Encoding, Peer, settle, wait};

struct Feed;

#[hub]
impl Feed {
    pub fn fine(&self) -> u8 {
        1
    }
}

/// Counts how often it is written.
struct Counted(Arc<AtomicUsize>);

impl Serialize for Counted {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.fetch_add(1, SeqCst);
        serializer.serialize_str("counted")
    }
}

/// Fails when half of it is written.
struct Unwritable;

impl Serialize for Unwritable {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq([1].into_iter().chain(std::iter::from_fn(|| None)))?;
        Err(serde::ser::Error::custom("as asked"))
    }
}

fn builder() -> HubServerBuilder<Feed> {
    HubServer::builder(Feed)
}

#[tokio::test(start_paused = true)]
async fn a_broadcast_is_written_once_for_each_protocol_and_reaches_all_alike() {
    let both = [HubProtocol::Json, HubProtocol::MessagePack];
    for (protocols, encodings) in [
        (&both[..1], &Encoding::BOTH[..1]),
        (&both[1..], &Encoding::BOTH[1..]),
        (&both, &Encoding::BOTH),
    ] {
        let server = builder().protocols(protocols.iter().copied()).build();
        let server = server.expect("valid");
        let mut peers = Vec::new();
        for number in 0..50 {
            let encoding = encodings[number % encodings.len()];
            peers.push(Peer::connect_in(encoding, &server).await);
        }
        let count = Arc::new(AtomicUsize::new(0));
        let all = server.context().clients().all();
        let counted = Counted(Arc::clone(&count));
        all.send("news", (counted, 7)).await.expect("sent");
        for peer in &mut peers {
            assert_eq!(peer.heard("news").await, json!(["counted", 7]));
        }
        assert_eq!(count.load(SeqCst), protocols.len());
    }
}

#[apply(both_encodings)]
async fn what_cannot_be_written_fails_for_the_sender_and_harms_nobody() {
    let server = HubServer::new(Feed);
    let mut peer = Peer::connect(&server).await;
    let all = server.context().clients().all();
    let error = all
        .send("news", ("before", Unwritable))
        .await
        .expect_err("unwritable");
    assert!(error.is_serialization());
    assert_eq!(error.to_string(), "cannot serialize Unwritable");
    all.send("news", (1,)).await.expect("sent");
    assert_eq!(peer.heard("news").await, json!([1]));
}

#[apply(both_encodings)]
async fn a_send_that_is_given_up_while_it_waits_leaves_the_connection_whole() {
    let server = builder().send_queue_limit(100).build().expect("valid");
    let mut peer = Peer::connect_with(&server, 64).await;
    let all = server.context().clients().all();
    let text = "x".repeat(200);
    all.send("news", (1, &text)).await.expect("queued");
    let waiting = all.send("news", (2, &text));
    let waiting = tokio::time::timeout(Duration::from_secs(1), waiting).await;
    waiting.expect_err("there is no room");
    assert_eq!(peer.heard("news").await[0], 1);
    settle().await;
    all.send("news", (3, &text)).await.expect("queued");
    assert_eq!(peer.heard("news").await[0], 3);
    assert_eq!(peer.invoke("fine", json!([])).await, 1);
}

#[apply(both_encodings)]
async fn the_order_of_one_sender_is_kept_while_it_has_to_wait() {
    let server = builder().send_queue_limit(200).build().expect("valid");
    let mut peer = Peer::connect_with(&server, 64).await;
    let context = server.context();
    let sender = tokio::spawn(async move {
        for number in 0..200 {
            let all = context.clients().all();
            all.send("news", (number, "x".repeat(number % 90)))
                .await
                .expect("sent");
        }
    });
    for number in 0..200 {
        if number % 10 == 0 {
            wait(100).await;
        }
        assert_eq!(peer.heard("news").await[0], number);
    }
    sender.await.expect("no panic");
}

#[apply(both_encodings)]
async fn one_proxy_may_be_used_from_several_tasks() {
    let server = HubServer::new(Feed);
    let mut peer = Peer::connect(&server).await;
    let all = server.context().clients().all();
    let tasks: Vec<_> = (0..10)
        .map(|number| tokio::spawn(all.send("news", (number,))))
        .collect();
    for task in tasks {
        task.await.expect("no panic").expect("sent");
    }
    let mut heard = Vec::new();
    for _ in 0..10 {
        heard.push(peer.heard("news").await[0].as_u64().expect("a number"));
    }
    heard.sort_unstable();
    assert_eq!(heard, (0..10).collect::<Vec<_>>());
}
