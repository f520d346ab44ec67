//! Messages that wait for handlers which do not end.

use std::{cell::Cell, sync::Arc, time::Duration};

use serde::{Deserialize, Deserializer};
use signalr::{HubConnection, HubConnectionBuilder, HubConnectionState};
use tokio::{sync::Semaphore, time::timeout};

use crate::support::{Actor, Log, Stage, message, question, settle};

thread_local! {
    static LIVE: Cell<usize> = const { Cell::new(0) };
}

/// A text that is counted as long as it lives.
struct Page(String);

impl<'de> Deserialize<'de> for Page {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        LIVE.set(LIVE.get() + 1);
        Ok(Self(text))
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        LIVE.set(LIVE.get() - 1);
    }
}

/// A handler that notes how each page begins, when the gate opens.
fn behind(gate: &Arc<Semaphore>, log: &Log, builder: HubConnectionBuilder) -> HubConnectionBuilder {
    let (gate, log) = (Arc::clone(gate), log.clone());
    builder.on("shown", move |page: Page| {
        let (gate, log) = (Arc::clone(&gate), log.clone());
        async move {
            gate.acquire().await.expect("the gate stays").forget();
            log.note(&page.0[..4]);
        }
    })
}

/// Three pages, of which one runs into the gate, and the others make reading stop; then the connection is lost.
async fn lose(
    connection: &HubConnection,
    mut actor: Actor,
    stage: &mut Stage,
    from: usize,
) -> Actor {
    for number in from..from + 3 {
        let page = format!(r#""{number:04}{}""#, "x".repeat(60_000));
        actor.say(&message("shown", &page)).await;
    }
    settle().await;
    drop(actor);
    let actor = stage.accept().await;
    while connection.state() != HubConnectionState::Connected {
        tokio::task::yield_now().await;
    }
    actor
}

#[tokio::test(start_paused = true)]
async fn what_lost_connections_leave_to_a_handler_is_limited_to_16_mib() {
    let (mut stage, builder) = Stage::new();
    let (gate, log) = (Arc::new(Semaphore::new(0)), Log::default());
    let builder = behind(&gate, &log, builder.automatic_reconnect());
    let (connection, mut actor) = Stage::connected(builder, &mut stage).await;
    for number in 0..200 {
        actor = lose(&connection, actor, &mut stage, 3 * number).await;
    }
    settle().await;
    // A page counts as its frame and 256 bytes.
    let kept = LIVE.get();
    assert!((270..=279).contains(&kept), "{kept}");
    gate.add_permits(kept);
    settle().await;
    let numbers: Vec<_> = (0..kept).map(|number| format!("{number:04}")).collect();
    assert_eq!(log.all(), numbers);
    assert_eq!(LIVE.get(), 0);
    // There is room for others now.
    for number in 200..250 {
        actor = lose(&connection, actor, &mut stage, 3 * number).await;
    }
    settle().await;
    assert_eq!(LIVE.get(), 150);
    gate.add_permits(150);
    settle().await;
    assert_eq!(LIVE.get(), 0);
    assert_eq!(log.all().last().expect("some"), "0749");
}

#[tokio::test(start_paused = true)]
async fn a_message_for_twenty_handlers_counts_twenty_times() {
    let (mut stage, mut builder) = Stage::new();
    let (gate, log) = (Arc::new(Semaphore::new(0)), Log::default());
    for _ in 0..20 {
        builder = behind(&gate, &log, builder);
    }
    let (_connection, mut actor) = Stage::connected(builder, &mut stage).await;
    let telling = async {
        for number in 0..1_000 {
            let page = format!(r#""{number:04}{}""#, "x".repeat(1_000));
            actor.say(&message("shown", &page)).await;
        }
    };
    let told = timeout(Duration::from_secs(5), telling).await;
    told.expect_err("reading has stopped");
    // One runs, and four wait: 1,050 bytes × 20 each.
    assert_eq!(LIVE.get(), 5 * 20);
}

#[tokio::test(start_paused = true)]
async fn a_hundred_questions_are_answered_at_a_time_whatever_becomes_of_their_connections() {
    let (mut stage, builder) = Stage::new();
    let gate = Arc::new(Semaphore::new(0));
    let entered = Arc::clone(&gate);
    let builder = builder.automatic_reconnect().respond("asked", move || {
        let gate = Arc::clone(&entered);
        async move {
            gate.acquire().await.expect("the gate stays").forget();
            Ok(1)
        }
    });
    let (_connection, mut actor) = Stage::connected(builder, &mut stage).await;
    for _ in 0..4 {
        for number in 0..25 {
            actor.say(&question(&number.to_string(), "asked")).await;
        }
        settle().await;
        drop(actor);
        actor = stage.accept().await;
    }
    actor.say(&question("q", "asked")).await;
    assert_eq!(
        actor.hear_call().await,
        r#"{"type":3,"invocationId":"q","error":"More than 100 questions at once are not allowed."}"#
    );
    gate.add_permits(101);
    settle().await;
    actor.say(&question("r", "asked")).await;
    assert_eq!(
        actor.hear_call().await,
        r#"{"type":3,"invocationId":"r","result":1}"#
    );
}
