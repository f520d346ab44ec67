//! Negotiations that nobody opens, and what is done to them.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use signalr::HubServer;
use tokio::{net::TcpStream, task::JoinSet};

use crate::{
    memory::{MIB, Memory, alone},
    victim::{Target, Victim},
    web::{CLOSE, HANDSHAKE, TEXT, UPGRADE, Wire, masked, negotiate, serve, until},
};

/// The default cap.
const CAP: usize = 1_000;
const NEGOTIATE: &str = "/hub/negotiate?negotiateVersion=1";

/// Sends negotiations on one socket, several in a piece, and counts those that were granted.
async fn flood(addr: SocketAddr, hub: HubServer<Target>, pieces: usize, piece: usize) -> usize {
    let mut wire = Wire::open(addr).await;
    let post = format!("POST {NEGOTIATE} HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\n\r\n");
    let posts = post.repeat(piece);
    let mut granted = 0;
    for _ in 0..pieces {
        wire.send(posts.as_bytes()).await;
        for _ in 0..piece {
            match wire.answer("POST").await.status {
                200 => granted += 1,
                status => assert_eq!(status, 429),
            }
        }
        assert!(hub.negotiation_count() <= CAP);
    }
    granted
}

/// Negotiates on a socket, turns it into that connection, shakes hands, and closes it.
async fn come_and_go(addr: SocketAddr) {
    let mut wire = Wire::open(addr).await;
    let negotiated = wire.ask("POST", NEGOTIATE, "").await;
    assert_eq!(negotiated.status, 200, "{negotiated:?}");
    let token = negotiated.json()["connectionToken"].take();
    let target = format!("/hub?id={}", token.as_str().expect("a token"));
    assert_eq!(wire.ask("GET", &target, UPGRADE).await.status, 101);
    let close = (CLOSE, vec![0x03, 0xe8]);
    let bytes = [masked(TEXT, HANDSHAKE), masked(close.0, &close.1)].concat();
    wire.send(&bytes).await;
    // A client that closes this early may not be told that its handshake was good.
    let mut last = wire.next().await;
    if last == Some((TEXT, b"{}\x1e".to_vec())) {
        last = wire.next().await;
    }
    assert_eq!(last, Some(close));
    assert_eq!(wire.next().await, None);
}

#[tokio::test]
async fn fifty_thousand_negotiations_meet_the_cap_and_five_thousand_connections_do_not() {
    let _alone = alone().await;
    let hub = HubServer::new(Target);
    let addr = serve(&hub).await;
    let victim = Victim::connect(addr).await;
    let (before, start) = (Memory::now(), Instant::now());
    let mut attackers = JoinSet::new();
    for _ in 0..8 {
        attackers.spawn(flood(addr, hub.clone(), 125, 50));
    }
    let granted: usize = attackers.join_all().await.into_iter().sum();
    // Where this takes longer than the time-out, there is room again meanwhile.
    let rounds = 1 + usize::try_from(start.elapsed().as_secs() / 15).expect("a short test");
    assert!((CAP..=rounds * CAP).contains(&granted), "{granted} granted");
    let growth = before.growth();
    assert!(growth.resident < 20 * MIB, "{growth:?}");

    // The server's clock, moved on: a time-out later nobody has opened any of them, and there is room.
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(17)).await;
    tokio::time::resume();
    until(|| hub.negotiation_count() == 0).await;
    let (_, token) = negotiate(addr).await;
    drop(Wire::connect(addr, &format!("/hub?id={token}")).await);

    let mut clients = JoinSet::new();
    for _ in 0..8 {
        clients.spawn(async move {
            for _ in 0..625 {
                come_and_go(addr).await;
            }
        });
    }
    clients.join_all().await;
    assert_eq!(hub.negotiation_count(), 0);
    until(|| hub.connection_count() == 1).await;
    victim.leave(20).await;
    let growth = before.growth();
    assert!(growth.resident < 20 * MIB, "{growth:?}");
}

#[tokio::test]
async fn ten_thousand_negotiations_a_second_leave_others_their_answers_and_no_memory() {
    const SECONDS: usize = 5;
    let _alone = alone().await;
    let hub = HubServer::new(Target);
    let addr = serve(&hub).await;
    let victim = Victim::connect(addr).await;
    // What any use costs once is no growth.
    flood(addr, hub.clone(), 40, 50).await;
    let before = Memory::now();
    let mut attackers = JoinSet::new();
    for _ in 0..10 {
        let hub = hub.clone();
        attackers.spawn(async move {
            let mut pieces = tokio::time::interval(Duration::from_millis(100));
            let mut granted = 0;
            for _ in 0..SECONDS * 10 {
                pieces.tick().await;
                granted += flood(addr, hub.clone(), 2, 50).await;
            }
            granted
        });
    }
    let granted: usize = attackers.join_all().await.into_iter().sum();
    assert!(granted <= CAP, "{granted} granted, all places were taken");
    assert!(hub.negotiation_count() <= CAP);
    let growth = before.growth();
    assert!(growth.resident < 2 * MIB, "{growth:?}");
    victim.leave(SECONDS).await;

    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(17)).await;
    tokio::time::resume();
    until(|| hub.negotiation_count() == 0).await;
    let (_, token) = negotiate(addr).await;
    drop(Wire::connect(addr, &format!("/hub?id={token}")).await);
    let growth = before.growth();
    assert!(growth.resident < 2 * MIB, "{growth:?}");
}

#[tokio::test]
async fn a_thousand_posts_to_a_negotiation_that_nobody_opens_are_answered_at_once() {
    let _alone = alone().await;
    // Both ends of a thousand sockets are here.
    rlimit::increase_nofile_limit(4_096).expect("a limit of this process's own");
    // The negotiation outlives them on a machine however busy.
    let hub = HubServer::builder(Target).disconnect_timeout(Duration::from_secs(600));
    let hub = hub.build().expect("valid");
    let addr = serve(&hub).await;
    let victim = Victim::connect(addr).await;
    let (_, token) = negotiate(addr).await;
    let before = Memory::now();
    let tasks = tokio::runtime::Handle::current()
        .metrics()
        .num_alive_tasks();
    let mut posts = JoinSet::new();
    for number in 0..1_000 {
        let target = format!("/hub?id={token}");
        posts.spawn(async move {
            if number % 2 == 0 {
                let mut wire = Wire::open(addr).await;
                let answer = wire.ask("POST", &target, "").await;
                // Bytes for a connection that is not open yet wait in its queue; there are none.
                answer.expect_text(200, "");
            } else {
                // Half of them do not wait for the answer.
                let mut io = TcpStream::connect(addr).await.expect("it listens");
                let post =
                    format!("POST {target} HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\n\r\n");
                let sent = tokio::io::AsyncWriteExt::write_all(&mut io, post.as_bytes());
                sent.await.expect("it reads");
            }
        });
    }
    posts.join_all().await;
    // Nothing waits for anything: not the answered ones, and not those that went away.
    until(|| {
        tokio::runtime::Handle::current()
            .metrics()
            .num_alive_tasks()
            <= tasks
    })
    .await;
    assert_eq!((hub.negotiation_count(), hub.connection_count()), (1, 1));
    let growth = before.growth();
    assert!(growth.resident < 20 * MIB, "{growth:?}");
    // And the connection can be opened all the same.
    Wire::connect(addr, &format!("/hub?id={token}")).await;
    assert_eq!(hub.negotiation_count(), 0);
    victim.leave(1).await;
}
