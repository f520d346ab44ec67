//! What joining, leaving and disconnecting cost: the groups of others do not matter.

use std::time::{Duration, Instant};

use signalr::{Connecting, HubError, HubServer, hub};

use crate::support::Peer;

/// Groups of others on the full server.
const GROUPS: usize = 50_000;
/// How often each thing is timed.
const RUNS: usize = 200;

struct Rooms;

#[hub]
impl Rooms {
    async fn on_connected(&self, cx: &Connecting<Self>) -> Result<(), HubError> {
        cx.clients()
            .caller()
            .send("id", (cx.connection_id(),))
            .await?;
        Ok(())
    }
}

async fn member(server: &HubServer<Rooms>) -> (Peer, String) {
    let mut peer = Peer::connect(server).await;
    let id = peer.heard("id").await[0].take();
    (peer, id.as_str().expect("an id").to_owned())
}

/// Time for joining a group and leaving it again, and for disconnecting as a member of one. Each is the shortest of many runs: other
/// work on this machine makes a run longer, never shorter.
async fn costs(server: &HubServer<Rooms>) -> [Duration; 2] {
    let groups = server.context().groups().clone();
    let mut shortest = [Duration::MAX; 2];
    for _ in 0..RUNS {
        let (peer, id) = member(server).await;
        let start = Instant::now();
        groups.add(&*id, "mine").await.expect("added");
        groups.remove(&*id, "mine").await.expect("removed");
        shortest[0] = shortest[0].min(start.elapsed());
        groups.add(&*id, "mine").await.expect("added");
        let start = Instant::now();
        peer.leave().await;
        shortest[1] = shortest[1].min(start.elapsed());
    }
    shortest
}

#[tokio::test]
async fn joining_leaving_and_disconnecting_cost_the_same_beside_fifty_thousand_groups() {
    let (empty, full) = (HubServer::new(Rooms), HubServer::new(Rooms));
    let (_other, id) = member(&full).await;
    let groups = full.context().groups().clone();
    for number in 0..GROUPS {
        let name = format!("group {number}");
        groups.add(&*id, name).await.expect("added");
    }
    assert_eq!(full.group_count(), GROUPS);
    let (alone, crowded) = (costs(&empty).await, costs(&full).await);
    for (alone, crowded) in alone.into_iter().zip(crowded) {
        // To walk over the groups of others takes hundreds of times as long.
        assert!(crowded < 5 * alone, "{crowded:?} instead of {alone:?}");
    }
    assert_eq!(
        full.group_count(),
        GROUPS,
        "those of others are as they were"
    );
}
