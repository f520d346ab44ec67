//! Joining and leaving, with more and more members: connections over pipes in memory.

use std::{sync::Arc, time::Instant};

use signalr::{ConnectionId, Context, HubServer, hub};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream},
    sync::Mutex,
};

use crate::{ROUNDS, median, plot::Figure};

const MEMBERS: [usize; 4] = [1, 100, 10_000, 100_000];
/// Times that one connection joins and leaves in a measurement.
const TURNS: usize = 20_000;

#[derive(Clone, Default)]
struct Club {
    ids: Arc<Mutex<Vec<ConnectionId>>>,
}

#[hub]
impl Club {
    pub async fn enter(&self, cx: &Context<Self>) {
        self.ids.lock().await.push(cx.connection_id().clone());
    }
}

pub(crate) fn measure(figures: &mut Vec<Figure>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build();
    runtime.expect("a runtime").block_on(async {
        let club = Club::default();
        let server = HubServer::new(club.clone());
        let context = server.context();
        let groups = context.groups();
        let mut pipes = vec![connect(&server).await];
        for members in MEMBERS {
            // The first one joins and leaves, all others stay.
            while pipes.len() <= members {
                pipes.push(connect(&server).await);
                let id = club.ids.lock().await[pipes.len() - 1].clone();
                groups.add(&id, "club").await.expect("a member");
            }
            let guest = club.ids.lock().await[0].clone();
            let mut costs = Vec::new();
            for round in 1..=ROUNDS {
                let start = Instant::now();
                for _ in 0..TURNS {
                    groups.add(&guest, "club").await.expect("a member");
                    groups.remove(&guest, "club").await.expect("a guest");
                }
                let value = start.elapsed().as_secs_f64() * 1e6 / TURNS as f64;
                costs.push(value);
                figures.push(Figure {
                    name: "groups",
                    server: "hub",
                    size: members,
                    round,
                    value,
                });
            }
            let cost = median(costs);
            println!("groups: {cost:.2} µs to join {members} members and leave them");
        }
    });
}

/// A member who has told its id.
async fn connect(server: &HubServer<Club>) -> DuplexStream {
    let (mut io, other) = tokio::io::duplex(1024);
    let server = server.clone();
    tokio::spawn(async move { server.serve_connection(other).await });
    let messages = "{\"protocol\":\"json\",\"version\":1}\x1e{\"type\":1,\"invocationId\":\"1\",\"target\":\"enter\",\"arguments\":[]}\x1e";
    io.write_all(messages.as_bytes()).await.expect("open");
    let mut answer = vec![0; "{}\x1e{\"type\":3,\"invocationId\":\"1\",\"result\":null}\x1e".len()];
    io.read_exact(&mut answer).await.expect("an answer");
    io
}
