//! Many requests for the same connections at once, on several threads; and attackers beside a client that behaves.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use serde_json::json;
use signalr::HubServer;
use tokio::time::Instant;

use crate::support::{
    Peer, Room,
    posts::{Client, ask},
    since, wait,
};

const EVENTS: [(&str, &str); 1] = [("accept", "text/event-stream")];

/// Completes when as many connections have gone as have come.
async fn all_gone(hub: &HubServer<Room>, room: &Room) {
    hub.closed().await;
    let gone = room.log.all();
    let gone = gone.iter().filter(|event| event.starts_with("gone"));
    assert_eq!(gone.count(), room.log.count("connected"));
    assert_eq!((hub.connection_count(), hub.negotiation_count()), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_streams_opened_at_once_on_one_token_one_lives() {
    let room = Room::default();
    let hub = HubServer::new(room.clone());
    for _ in 0..50 {
        let client = Client::negotiate(&hub).await;
        client.shake_hands().await;
        let opens = (0..8).map(|_| {
            let client = client.clone();
            tokio::spawn(async move {
                let target = client.target();
                let answer = crate::support::posts::respond(
                    &client.hub,
                    "GET",
                    &target,
                    &EVENTS,
                    String::new(),
                );
                answer.await
            })
        });
        let mut statuses = Vec::new();
        let mut kept = Vec::new();
        for open in opens.collect::<Vec<_>>() {
            let answer = open.await.expect("an answer");
            statuses.push(answer.status().as_u16());
            kept.push(answer);
        }
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 409, 409, 409, 409, 409, 409, 409]);
        assert_eq!(hub.connection_count(), 1);
        drop(kept);
        hub.closed().await;
    }
    all_gone(&hub, &room).await;
    assert_eq!(room.log.count("connected"), 50);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn transports_that_race_for_a_token_make_one_connection() {
    let room = Room::default();
    let hub = HubServer::new(room.clone());
    for round in 0..200 {
        let client = Client::negotiate(&hub).await;
        let attempts = (0..4).map(|number| {
            let client = client.clone();
            tokio::spawn(async move {
                let headers = if (number + round) % 2 == 0 {
                    &EVENTS[..]
                } else {
                    &[]
                };
                let target = client.target();
                let hub = &client.hub;
                let answer =
                    crate::support::posts::respond(hub, "GET", &target, headers, String::new());
                // A second poll would wait.
                let in_time = tokio::time::timeout(Duration::from_millis(50), answer).await;
                in_time.map_or(0, |answer| answer.status().as_u16())
            })
        });
        for attempt in attempts.collect::<Vec<_>>() {
            let status = attempt.await.expect("an answer");
            assert!([0, 200, 204, 400, 404, 409].contains(&status), "{status}");
        }
        assert!(hub.connection_count() <= 1);
        client.delete().await;
        hub.closed().await;
    }
    all_gone(&hub, &room).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn deletes_race_polls_and_posts_and_leave_nothing() {
    let room = Room::default();
    let hub = HubServer::new(room.clone());
    let mut tasks = Vec::new();
    for task in 0..8_usize {
        let hub = hub.clone();
        tasks.push(tokio::spawn(async move {
            for round in 0..50 {
                let client = Client::polling(&hub).await.client;
                let mut requests = Vec::new();
                for number in 0..6 {
                    let client = client.clone();
                    requests.push(tokio::spawn(async move {
                        for _ in 0..(task + round) % 5 {
                            tokio::task::yield_now().await;
                        }
                        match number {
                            0 | 1 => client.ask("GET", String::new()).await,
                            2 | 3 => {
                                let call = r#"{"type":1,"target":"record","arguments":["x"]}"#;
                                client.ask("POST", format!("{call}\x1e")).await
                            }
                            _ => client.delete().await,
                        }
                    }));
                }
                for request in requests {
                    let status = request.await.expect("an answer").status;
                    assert!([200, 202, 204, 404, 409].contains(&status), "{status}");
                }
            }
        }));
    }
    for task in tasks {
        task.await.expect("no panic");
    }
    all_gone(&hub, &room).await;
    assert_eq!(room.log.count("connected"), 400);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_hundred_clients_of_each_kind_hear_all_broadcasts_in_order() {
    const TOTAL: u64 = 200;
    let hub = HubServer::new(Room::default());
    let mut readers = Vec::new();
    for _ in 0..100 {
        let (client, mut events) = Client::listening(&hub).await;
        readers.push(tokio::spawn(async move {
            let _client = client;
            let mut heard = Vec::new();
            while heard.len() < usize::try_from(TOTAL).expect("small") {
                for message in events.messages().await.expect("open") {
                    let message: serde_json::Value = serde_json::from_str(&message).expect("JSON");
                    heard.push(message["arguments"][0].as_u64().expect("a number"));
                }
            }
            heard
        }));
        let mut polling = Client::polling(&hub).await;
        readers.push(tokio::spawn(async move {
            let mut heard = Vec::new();
            while heard.len() < usize::try_from(TOTAL).expect("small") {
                let message = polling.json().await;
                heard.push(message["arguments"][0].as_u64().expect("a number"));
            }
            heard
        }));
    }
    let all = hub.context().clients().all();
    for number in 0..TOTAL {
        all.send("news", (number,)).await.expect("sent");
    }
    for reader in readers {
        assert!(reader.await.expect("a reader").into_iter().eq(0..TOTAL));
    }
}

/// What attackers do, again and again.
async fn attack(hub: HubServer<Room>, kind: usize) {
    match kind {
        // Streams that nobody reads, while the hub sends to all.
        0 => {
            let (client, events) = Client::listening(&hub).await;
            client.call("1", "tellAll", json!([10_000, 100])).await;
            wait(20_000).await;
            drop(events);
        }
        // Polls that stop.
        1 => {
            let client = Client::polling(&hub).await.client;
            client.call("1", "tellAll", json!([10_000, 100])).await;
        }
        // Posts to a connection that is never opened.
        2 => {
            let client = Client::negotiate(&hub).await;
            client.ask("POST", "x".repeat(1_000_000)).await;
        }
        // Nothing but noise, as large as it may be.
        3 => {
            let (client, _events) = Client::listening(&hub).await;
            client.ask("POST", "\x1e".repeat(1_000_000)).await;
            client.ask("POST", "x".repeat(1_000_000)).await;
        }
        // Polls that replace each other.
        4 => {
            let client = Client::polling(&hub).await.client;
            let polls: Vec<_> = (0..100).map(|_| client.poll_later()).collect();
            wait(1_000).await;
            client.delete().await;
            for poll in polls {
                poll.await.expect("an answer");
            }
        }
        // Tokens of others.
        _ => {
            for number in 0..100 {
                let target = format!("/?id={number}");
                for method in ["GET", "POST", "DELETE"] {
                    let answer = ask(&hub, method, &target, &[], String::new()).await;
                    assert_eq!(answer.status, 404);
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn attackers_over_posts_do_not_hold_up_a_client_that_behaves() {
    let hub = HubServer::new(Room::default());
    let mut victim = Peer::connect(&hub).await;
    let attackers: Vec<_> = (0..60)
        .map(|number| tokio::spawn(attack(hub.clone(), number % 6)))
        .collect();
    let over = Arc::new(AtomicBool::new(false));
    let watch = {
        let (hub, over) = (hub.clone(), Arc::clone(&over));
        tokio::spawn(async move {
            for attacker in attackers {
                attacker.await.expect("an attacker does not panic");
            }
            while hub.connection_count() > 1 {
                wait(100).await;
            }
            over.store(true, SeqCst);
        })
    };
    while !over.load(SeqCst) {
        let start = Instant::now();
        victim.call("v", "echo", json!(["x"])).await;
        loop {
            let message = victim.json().await;
            if message["invocationId"] == "v" {
                assert_eq!(message["result"], "x");
                break;
            }
        }
        assert!(since(start) < 1_000, "{} ms", since(start));
        wait(500).await;
    }
    watch.await.expect("no panic");
    assert_eq!((hub.connection_count(), hub.negotiation_count()), (1, 0));
}
