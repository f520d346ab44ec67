//! DELETE at the same time as polls, posts and another DELETE: interleavings drawn at random, the same in every run.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::SeqCst},
};

use tokio::time::Instant;

use crate::support::{
    Room,
    posts::{Client, record},
    since,
};

/// Draws numbers (xorshift).
struct Dice(u64);

impl Dice {
    fn seeded(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).expect("31 bits") % limit
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    Poll,
    Post(usize),
    Delete,
}

/// What became of an act: its status, and the moments between which it happened.
struct Outcome {
    act: Act,
    status: u16,
    started: usize,
    ended: usize,
}

/// Starts all acts in some order, each after some turns of the others.
async fn race(client: &Client<Room>, dice: &mut Dice) -> Vec<Outcome> {
    let mut acts = vec![Act::Poll, Act::Poll, Act::Delete, Act::Delete];
    acts.extend((0..3).map(Act::Post));
    let moment = Arc::new(AtomicUsize::new(0));
    let mut running = Vec::new();
    while !acts.is_empty() {
        let act = acts.swap_remove(dice.below(acts.len()));
        let turns = dice.below(16);
        let (client, moment) = (client.clone(), Arc::clone(&moment));
        running.push(tokio::spawn(async move {
            for _ in 0..turns {
                tokio::task::yield_now().await;
            }
            let started = moment.fetch_add(1, SeqCst);
            let answer = match act {
                Act::Poll => client.ask("GET", String::new()).await,
                Act::Post(number) => client.ask("POST", record(&number.to_string())).await,
                Act::Delete => client.delete().await,
            };
            Outcome {
                act,
                status: answer.status,
                started,
                ended: moment.fetch_add(1, SeqCst),
            }
        }));
    }
    let mut outcomes = Vec::new();
    for act in running {
        outcomes.push(act.await.expect("an answer"));
    }
    outcomes
}

#[tokio::test(start_paused = true)]
async fn a_delete_ends_its_connection_once_and_loses_nothing_that_was_taken_before() {
    let (mut late, mut early) = (0, 0);
    for seed in 1..=1_000 {
        let (hub, log) = Room::serve();
        let client = Client::polling(&hub).await.client;
        let start = Instant::now();
        let outcomes = race(&client, &mut Dice::seeded(seed)).await;
        hub.closed().await;
        assert!(since(start) < 10, "seed {seed}: {} ms", since(start));

        let deletes = outcomes.iter().filter(|outcome| outcome.act == Act::Delete);
        let deleted = deletes.map(|outcome| outcome.started).min();
        let deleted = deleted.expect("there are two");
        for Outcome {
            act, status, ended, ..
        } in &outcomes
        {
            let may: &[u16] = match act {
                Act::Poll => &[200, 204, 404, 409],
                Act::Post(_) => &[200, 404],
                Act::Delete => &[202, 404],
            };
            assert!(may.contains(status), "seed {seed}: {act:?} got {status}");
            if let Act::Post(number) = act {
                let count = log.count(&number.to_string());
                assert!(count <= 1, "seed {seed}: {number} came {count} times");
                if *ended < deleted {
                    assert_eq!((*status, count), (200, 1), "seed {seed}: {number}");
                    early += 1;
                } else {
                    late += 1;
                }
            }
        }
        let accepted = outcomes.iter().filter(|outcome| outcome.status == 202);
        assert!(accepted.count() >= 1, "seed {seed}");
        assert_eq!(log.count("connected"), 1);
        assert_eq!(
            log.all().last().map(String::as_str),
            Some("gone"),
            "seed {seed}"
        );
        assert_eq!(log.count("gone"), 1);
        assert_eq!((hub.connection_count(), hub.negotiation_count()), (0, 0));
    }
    // Both kinds of races were run.
    assert!(
        late > 500 && early > 100,
        "{late} late posts, {early} early ones"
    );
}
