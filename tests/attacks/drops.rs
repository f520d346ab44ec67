//! Connections that vanish without a word.

use std::{net::SocketAddr, time::Duration};

use serde_json::json;
use signalr::HubServer;
use tokio::{net::TcpStream, task::JoinSet};

use crate::{
    memory::{MIB, Memory, alone},
    victim::{Target, Victim, ping, said, text},
    web::{Wire, serve, until},
};

const ROUNDS: usize = 10;
/// Tasks that come and are cut off again and again, and how often each in a round.
const TASKS: usize = 10;
const DROPS: usize = 100;

/// A member of a group of its own and of the common group, whose socket is reset.
async fn vanish(addr: SocketAddr, group: &str) {
    let io = TcpStream::connect(addr).await.expect("it listens");
    // With a linger of zero, dropping the socket resets the connection.
    #[expect(deprecated, reason = "a linger of zero does not block")]
    io.set_linger(Some(Duration::ZERO)).expect("a socket");
    let mut wire = Wire::over(io);
    wire.shake_hands("/hub").await;
    wire.invoke("join", json!([group])).await;
    wire.invoke("join", json!(["common"])).await;
}

/// A thousand of them, in groups that no other round has.
async fn vanishing(addr: SocketAddr, round: usize) {
    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        tasks.spawn(async move {
            for number in 0..DROPS {
                vanish(addr, &format!("{round} {task} {number}")).await;
            }
        });
    }
    tasks.join_all().await;
}

#[tokio::test]
async fn ten_thousand_members_that_are_cut_off_leave_no_group_no_memory_and_no_echo() {
    let _alone = alone().await;
    let hub = HubServer::new(Target);
    let addr = serve(&hub).await;
    let victim = Victim::connect(addr).await;
    let mut living = Vec::new();
    for _ in 0..10 {
        let mut wire = Wire::connect(addr, "/hub").await;
        wire.invoke("join", json!(["common"])).await;
        living.push(wire);
    }
    let mut before = Memory::now();
    for round in 0..=ROUNDS {
        vanishing(addr, round).await;
        until(|| hub.connection_count() == 11).await;
        assert_eq!(hub.group_count(), 1, "the groups of those who have gone");
        if round == 0 {
            // What any use costs once is no growth.
            before = Memory::now();
        }
        let common = hub.context().clients().group("common");
        common.send("round", (round,)).await.expect("sent");
        let message = format!(r#"{{"type":1,"target":"round","arguments":[{round}]}}"#);
        for wire in &mut living {
            assert_eq!(said(wire).await, text(&message));
            // Once, and nothing else.
            ping(wire).await;
        }
    }
    let growth = before.growth();
    assert!(growth.resident < 2 * MIB, "{growth:?}");
    victim.leave(20).await;
}
