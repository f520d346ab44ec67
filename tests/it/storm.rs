//! Many connections on several threads at once, every other one in MessagePack. Real threads and real time: nothing here waits for a
//! clock.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::SeqCst},
};

use serde_json::json;
use signalr::{Connecting, Context, HubError, HubServer, hub};

use crate::support::{Encoding, Peer};

struct Storm;

#[hub]
impl Storm {
    async fn on_connected(&self, cx: &Connecting<Self>) -> Result<(), HubError> {
        cx.clients()
            .caller()
            .send("id", (cx.connection_id(),))
            .await?;
        Ok(())
    }

    pub async fn join(&self, cx: &Context<Self>, group: &str) -> Result<(), HubError> {
        Ok(cx.join(group).await?)
    }

    /// Joins and leaves the group again and again.
    pub async fn flutter(
        &self,
        cx: &Context<Self>,
        group: &str,
        times: u32,
    ) -> Result<(), HubError> {
        for _ in 0..times {
            cx.join(group).await?;
            tokio::task::yield_now().await;
            cx.leave(group).await?;
        }
        Ok(())
    }
}

fn every_other(number: usize) -> Encoding {
    Encoding::BOTH[number % 2]
}

/// Reads numbers until the completion of call "1", then says hello to hear that no more come; what was heard.
async fn numbers(peer: &mut Peer, until_completion: bool) -> Vec<u64> {
    let mut heard = Vec::new();
    loop {
        let message = peer.json().await;
        if message["type"] == 3 {
            assert_eq!(message["error"], json!(null));
            if until_completion {
                return heard;
            }
            continue;
        }
        assert_eq!(message["target"], "number");
        let number = message["arguments"][0].as_u64().expect("a number");
        if number == u64::MAX {
            return heard;
        }
        heard.push(number);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn members_that_stay_hear_each_message_once_while_two_hundred_join_and_leave() {
    const SENDS: u64 = 1_000;
    let server = HubServer::new(Storm);
    let mut steady = Vec::new();
    for number in 0..20 {
        let mut peer = Peer::connect_in(every_other(number), &server).await;
        peer.heard("id").await;
        peer.invoke("join", json!(["g"])).await;
        steady.push(tokio::spawn(async move { numbers(&mut peer, false).await }));
    }
    let mut fluttering = Vec::new();
    for number in 0..200 {
        let mut peer = Peer::connect_in(every_other(number), &server).await;
        peer.heard("id").await;
        fluttering.push(tokio::spawn(async move {
            peer.call("1", "flutter", json!(["g", 500])).await;
            let heard = numbers(&mut peer, true).await;
            // In no group any more: nothing comes behind the completion but what was sent before it.
            (peer, heard)
        }));
    }
    // Connections come and go meanwhile.
    let storm = Arc::new(AtomicBool::new(true));
    let coming_and_going = {
        let (server, storm) = (server.clone(), Arc::clone(&storm));
        tokio::spawn(async move {
            let mut count = 0;
            while storm.load(SeqCst) {
                let mut peer = Peer::connect_in(every_other(count / 2), &server).await;
                peer.tell("join", json!(["g"])).await;
                if count % 2 == 0 {
                    peer.expect_join().await;
                }
                peer.leave().await;
                count += 1;
            }
            count
        })
    };
    let group = server.context().clients().group("g");
    for number in 0..SENDS {
        group.send("number", (number,)).await.expect("sent");
        tokio::task::yield_now().await;
    }
    group.send("number", (u64::MAX,)).await.expect("sent");
    for task in steady {
        let heard = task.await.expect("a steady member");
        assert_eq!(heard, (0..SENDS).collect::<Vec<_>>());
    }
    let mut peers = Vec::new();
    for task in fluttering {
        let (peer, heard) = task.await.expect("a fluttering member");
        assert!(
            heard.is_sorted_by(|a, b| a < b),
            "each at most once, in order: {heard:?}"
        );
        peers.push(peer);
    }
    storm.store(false, SeqCst);
    assert!(coming_and_going.await.expect("no panic") > 0);
    for peer in peers {
        peer.leave().await;
    }
    server.closed().await;
    assert_eq!((server.connection_count(), server.group_count()), (0, 0));
}

impl Peer {
    /// Reads until a call is answered, whatever else comes.
    async fn expect_join(&mut self) {
        self.call("joined", "join", json!(["g"])).await;
        while self.json().await["type"] != 3 {}
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_hundred_connections_each_hear_a_thousand_broadcasts_in_order() {
    let server = HubServer::new(Storm);
    let mut readers = Vec::new();
    for number in 0..100 {
        let mut peer = Peer::connect_in(every_other(number), &server).await;
        peer.heard("id").await;
        readers.push(tokio::spawn(async move { numbers(&mut peer, false).await }));
    }
    let all = server.context().clients().all();
    for number in 0..1_000u64 {
        all.send("number", (number,)).await.expect("sent");
    }
    all.send("number", (u64::MAX,)).await.expect("sent");
    for reader in readers {
        let heard = reader.await.expect("a reader");
        assert_eq!(heard, (0..1_000).collect::<Vec<_>>());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn connections_that_are_cut_anywhere_leave_no_group_and_no_connection() {
    let server = HubServer::new(Storm);
    let mut tasks = Vec::new();
    for task in 0..8 {
        let server = server.clone();
        tasks.push(tokio::spawn(async move {
            for number in 0..100 {
                let mut peer = Peer::open_in(every_other(number), &server);
                peer.start_handshake().await;
                peer.tell("join", json!(["common"])).await;
                peer.tell("join", json!([format!("{task} {number}")])).await;
                peer.call("1", "flutter", json!(["g", 50])).await;
                for _ in 0..number % 20 {
                    tokio::task::yield_now().await;
                }
                if number % 3 == 0 {
                    // The embedder drops the connection's future, wherever it is.
                    peer.cut();
                } else {
                    peer.leave().await;
                }
            }
        }));
    }
    for task in tasks {
        task.await.expect("no panic");
    }
    server.closed().await;
    assert_eq!((server.connection_count(), server.group_count()), (0, 0));
}
