//! Both ends send more than the other reads at once. Neither may wait for the other for ever.

use std::{
    future::ready,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use signalr::{Context, HubConnectionBuilder, HubConnectionState, HubServer, hub};

use crate::support::{PROTOCOLS, Stage, of_hub, settle};

/// A hub that counts what it is told, and may tell its caller much.
#[derive(Clone, Default)]
struct Flood {
    told: Arc<AtomicUsize>,
    answered: Arc<AtomicUsize>,
}

#[hub]
impl Flood {
    pub fn tell(&self, _text: &str) {
        self.told.fetch_add(1, Relaxed);
    }

    /// Has `tasks` tell the caller something `each` times, and after each of that ask it something, if `asks`.
    pub fn begin(&self, cx: &Context<Self>, tasks: usize, each: usize, asks: bool) {
        for _ in 0..tasks {
            let caller = cx.clients().caller();
            let mut asked: Vec<_> = (0..each).map(|_| cx.clients().caller()).collect();
            let answered = Arc::clone(&self.answered);
            tokio::spawn(async move {
                let text = "y".repeat(2_000);
                for number in 0..each {
                    if caller.send("told", (&text,)).await.is_err() {
                        // The test is over.
                        return;
                    }
                    if let Some(asked) = asked.pop().filter(|_| asks) {
                        let answer = asked.invoke::<usize>("asked", (number,)).await;
                        assert_eq!(answer.expect("an answer"), number);
                        answered.fetch_add(1, Relaxed);
                    }
                }
            });
        }
    }
}

/// Waits until `count` is `all`; nothing may fail meanwhile.
async fn reaches(count: &AtomicUsize, all: usize) {
    let reached = async {
        while count.load(Relaxed) < all {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let reached = tokio::time::timeout(Duration::from_secs(20), reached).await;
    assert!(reached.is_ok(), "{} of {all}", count.load(Relaxed));
}

fn counting(builder: HubConnectionBuilder) -> (HubConnectionBuilder, Arc<AtomicUsize>) {
    let heard = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&heard);
    let builder = builder
        .on("told", move |_: String| {
            count.fetch_add(1, Relaxed);
            ready(())
        })
        .respond("asked", |number: usize| ready(Ok(number)));
    (builder, heard)
}

#[tokio::test(start_paused = true)]
async fn handlers_send_back_what_a_server_floods_them_with() {
    for protocol in PROTOCOLS {
        for tasks in [1, 10, 100] {
            let hub = Flood::default();
            let connection = of_hub(&HubServer::new(hub.clone()), protocol)
                .build()
                .expect("valid");
            let weak = connection.downgrade();
            let _on = connection.on("told", move |text: String| {
                let connection = weak.upgrade().expect("open");
                async move { connection.send("tell", (text,)).await.expect("sent") }
            });
            connection.start().await.expect("started");
            let each = 5_000 / tasks;
            let begun = connection.invoke::<()>("begin", (tasks, each, false));
            begun.await.expect("begun");
            reaches(&hub.told, 5_000).await;
            assert_eq!(connection.state(), HubConnectionState::Connected);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn questions_are_answered_between_two_floods() {
    for protocol in PROTOCOLS {
        for tasks in [10, 100] {
            let hub = Flood::default();
            let builder = of_hub(&HubServer::new(hub.clone()), protocol);
            let (builder, heard) = counting(builder);
            let connection = builder.connect().await.expect("connected");
            let each = 2_000 / tasks;
            let begun = connection.invoke::<()>("begin", (tasks, each, true));
            begun.await.expect("begun");
            let text = "x".repeat(2_000);
            let senders: Vec<_> = (0..tasks)
                .map(|_| {
                    let (connection, text) = (connection.clone(), text.clone());
                    tokio::spawn(async move {
                        for _ in 0..each {
                            connection.send("tell", (&text,)).await.expect("sent");
                        }
                    })
                })
                .collect();
            for sender in senders {
                sender.await.expect("no panic");
            }
            for count in [&hub.told, &*heard, &hub.answered] {
                reaches(count, 2_000).await;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn calls_are_answered_though_others_always_wait_for_room() {
    for protocol in PROTOCOLS {
        let hub = Flood::default();
        let builder = of_hub(&HubServer::new(hub.clone()), protocol);
        let (builder, heard) = counting(builder);
        let connection = builder.connect().await.expect("connected");
        let begun = connection.invoke::<()>("begin", (100, 1_000, false));
        begun.await.expect("begun");
        for _ in 0..100 {
            connection
                .invoke::<()>("tell", ("x",))
                .await
                .expect("an answer");
        }
        assert!(heard.load(Relaxed) < 50_000, "the flood goes on");
    }
}

#[tokio::test(start_paused = true)]
async fn no_more_is_answered_when_16_mib_of_answers_wait() {
    let (mut stage, builder) = Stage::new();
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let builder = builder.respond("page", move || {
        count.fetch_add(1, Relaxed);
        ready(Ok("x".repeat(1 << 20)))
    });
    let (_connection, mut actor) = Stage::connected(builder, &mut stage).await;
    for number in 0..30 {
        let question =
            format!(r#"{{"type":1,"invocationId":"{number}","target":"page","arguments":[]}}"#);
        actor.say(&question).await;
        settle().await;
    }
    // The queue's own limit of 1 MiB comes on top, and what has left it for the pipe.
    let answered = asked.load(Relaxed);
    assert!((17..=18).contains(&answered), "{answered}");
    for number in 0..30 {
        let answer = actor.hear().await;
        assert!(answer.starts_with(&format!(
            r#"{{"type":3,"invocationId":"{number}","result":"xx"#
        )));
    }
}
