//! Requests that come slowly, halfway or without an end, by the hundreds.

use std::{net::SocketAddr, time::Duration};

use signalr::HubServer;
use tokio::{runtime::Handle, task::JoinSet};

use crate::{
    memory::{MIB, Memory, alone},
    victim::{Target, Victim, ping},
    web::{HANDSHAKE, Wire, negotiate, serve, until},
};

const EACH: usize = 200;

/// How many tasks this process runs.
fn tasks() -> usize {
    Handle::current().metrics().num_alive_tasks()
}

/// The server's clock, moved on in steps between which the victim is heard.
async fn pass(seconds: u64, calm: &mut Wire) {
    for _ in 0..seconds.div_ceil(10) {
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(10)).await;
        tokio::time::resume();
        ping(calm).await;
        // The victim too, every 20 ms.
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// A connection with long polling: its target.
async fn polling(addr: SocketAddr) -> String {
    let (_, token) = negotiate(addr).await;
    let target = format!("/hub?id={token}");
    let mut wire = Wire::open(addr).await;
    assert_eq!(wire.ask("GET", &target, "").await.status, 200);
    wire.post(&target, HANDSHAKE).await.expect_text(200, "");
    target
}

/// Does the same with many sockets at once.
async fn many<F: Future>(what: impl Fn(usize) -> F) -> Vec<F::Output> {
    futures_util::future::join_all((0..EACH).map(what)).await
}

#[tokio::test]
async fn heads_and_bodies_that_trickle_are_given_up_by_the_hundreds() {
    let _alone = alone().await;
    rlimit::increase_nofile_limit(4_096).expect("a limit of this process's own");
    let hub = HubServer::new(Target);
    let addr = serve(&hub).await;
    let (victim, mut calm) = (
        Victim::connect(addr).await,
        Wire::connect(addr, "/hub").await,
    );
    let before = Memory::now();
    let running = tasks();

    let mut heads = many(|number| async move {
        let mut wire = Wire::open(addr).await;
        let head = [
            "GET /hub HTTP/1.1\r\nHost: ",
            "P",
            "POST /hub/negotiate HTTP/1.1\r\n",
        ];
        wire.send(head[number % 3].as_bytes()).await;
        wire
    })
    .await;
    let mut bodies = many(|number| async move {
        let target = polling(addr).await;
        let mut wire = Wire::open(addr).await;
        let kind = ["Content-Length: 30000", "Transfer-Encoding: chunked"][number % 2];
        let head = format!("POST {target} HTTP/1.1\r\nHost: test\r\n{kind}\r\n\r\n");
        wire.send(head.as_bytes()).await;
        wire
    })
    .await;
    // A byte now and then puts nothing off.
    for _ in 0..4 {
        pass(10, &mut calm).await;
        for wire in &mut heads {
            wire.try_send(b"x").await;
        }
        for wire in &mut bodies {
            wire.try_send(b"1\r\nx\r\n").await;
        }
    }
    let growth = before.growth();
    assert!(growth.resident < 20 * MIB, "{growth:?}");
    for wire in &mut heads {
        let rest = wire.rest().await;
        assert!(
            rest.is_empty() || rest.starts_with(b"HTTP/1.1 4"),
            "{rest:?}"
        );
    }
    for wire in &mut bodies {
        let rest = wire.rest().await;
        let refused = [&b"HTTP/1.1 404"[..], b"HTTP/1.1 408"];
        assert!(
            refused.iter().any(|status| rest.starts_with(status)),
            "{}",
            String::from_utf8_lossy(&rest)
        );
    }
    // Nobody polls any more, so those connections go too.
    pass(20, &mut calm).await;
    until(|| hub.connection_count() == 2).await;
    drop((heads, bodies));
    until(|| tasks() <= running).await;
    let growth = before.growth();
    assert!(growth.resident < 20 * MIB, "{growth:?}");
    victim.leave(10).await;
}

#[tokio::test]
async fn sockets_that_are_half_closed_are_let_go_by_the_hundreds() {
    let _alone = alone().await;
    rlimit::increase_nofile_limit(4_096).expect("a limit of this process's own");
    let hub = HubServer::new(Target);
    let addr = serve(&hub).await;
    let (victim, mut calm) = (
        Victim::connect(addr).await,
        Wire::connect(addr, "/hub").await,
    );
    let before = Memory::now();
    let running = tasks();
    let halves = many(|number| async move {
        let mut wire = Wire::open(addr).await;
        match number % 5 {
            0 => wire.send(b"GET /hub HT").await,
            1 => wire.shake_hands("/hub").await,
            2 => {
                let (_, token) = negotiate(addr).await;
                let target = format!("/hub?id={token}");
                let events = "Accept: text/event-stream\r\n";
                assert_eq!(wire.ask("GET", &target, events).await.status, 200);
                assert_eq!(wire.chunk().await.as_deref(), Some(":\r\n"));
            }
            3 => {
                let target = polling(addr).await;
                // Its handshake's answer comes with the next poll, and the one after that waits.
                assert_eq!(wire.ask("GET", &target, "").await.body, "{}\x1e");
                wire.send(format!("GET {target} HTTP/1.1\r\nHost: test\r\n\r\n").as_bytes())
                    .await;
            }
            _ => {
                let target = polling(addr).await;
                let head =
                    format!("POST {target} HTTP/1.1\r\nHost: test\r\nContent-Length: 9\r\n\r\nx");
                wire.send(head.as_bytes()).await;
            }
        }
        wire.finish().await;
        wire
    })
    .await;
    let mut ended = JoinSet::new();
    for mut wire in halves {
        // Whatever it says, it ends; the clock is not moved for that.
        ended.spawn(async move { wire.rest().await });
    }
    ended.join_all().await;
    // Only clients with long polling may come back on another socket, for 15 s.
    until(|| hub.connection_count() <= 2 + EACH / 5 * 2).await;
    pass(20, &mut calm).await;
    until(|| hub.connection_count() == 2).await;
    until(|| tasks() <= running).await;
    let growth = before.growth();
    assert!(growth.resident < 20 * MIB, "{growth:?}");
    victim.leave(10).await;
}

#[tokio::test]
async fn bodies_without_an_end_are_cut_off_by_the_hundreds() {
    let _alone = alone().await;
    rlimit::increase_nofile_limit(4_096).expect("a limit of this process's own");
    let hub = HubServer::new(Target);
    let addr = serve(&hub).await;
    let (victim, mut calm) = (
        Victim::connect(addr).await,
        Wire::connect(addr, "/hub").await,
    );
    let before = Memory::now();
    let running = tasks();
    let chunk = format!("1000\r\n{}\r\n", "x".repeat(0x1000));
    let chunk = &chunk;
    let sent = many(|_| async move {
        let target = polling(addr).await;
        let mut wire = Wire::open(addr).await;
        let head =
            format!("POST {target} HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n");
        wire.send(head.as_bytes()).await;
        let mut chunks = 0;
        while wire.try_send(chunk.as_bytes()).await {
            chunks += 1;
            assert!(chunks < 10_000, "nothing stops it");
        }
        let rest = wire.rest().await;
        assert!(
            rest.is_empty() || rest.starts_with(b"HTTP/1.1 404"),
            "{rest:?}"
        );
        chunks
    })
    .await;
    let growth = before.growth();
    assert!(
        growth.resident < 30 * MIB,
        "{growth:?} after {sent:?} chunks"
    );
    // The ends of those connections are fetched by nobody.
    pass(20, &mut calm).await;
    until(|| hub.connection_count() == 2).await;
    until(|| tasks() <= running).await;
    victim.leave(10).await;
}
