//! Connections that are lost and opened again.

use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use signalr::{HubConnectionBuilder, HubConnectionState, RetryContext};
use tokio::time::Instant;

use crate::support::{Log, Stage, message, question, settle};

/// Notes all events.
fn noting(builder: HubConnectionBuilder, log: &Log) -> HubConnectionBuilder {
    let text = |error: Option<signalr::Error>| error.map_or("none".to_owned(), |e| e.to_string());
    let (a, b, c) = (log.clone(), log.clone(), log.clone());
    builder
        .on_reconnecting(move |error| {
            let log = a.clone();
            async move { log.note(format!("reconnecting: {}", text(error))) }
        })
        .on_reconnected(move |id| {
            let log = b.clone();
            async move { log.note(format!("reconnected: {}", id.is_some())) }
        })
        .on_closed(move |error| {
            let log = c.clone();
            async move { log.note(format!("closed: {}", text(error))) }
        })
}

#[tokio::test(start_paused = true)]
async fn without_a_policy_a_loss_is_the_end() {
    let (mut stage, builder) = Stage::new();
    let log = Log::default();
    let (connection, actor) = Stage::connected(noting(builder, &log), &mut stage).await;
    drop(actor);
    settle().await;
    assert_eq!(connection.state(), HubConnectionState::Disconnected);
    assert_eq!(log.all(), ["closed: none"]);
}

#[tokio::test(start_paused = true)]
async fn a_loss_is_followed_by_attempts_at_the_default_delays() {
    let (mut stage, builder) = Stage::new();
    let log = Log::default();
    let builder = noting(builder.automatic_reconnect(), &log);
    let (connection, actor) = Stage::connected(builder, &mut stage).await;
    let call = tokio::spawn({
        let connection = connection.clone();
        async move { connection.invoke::<()>("asked", ()).await }
    });
    settle().await;
    drop(actor);
    let (_, mut again) = tokio::join!(settle(), stage.accept());
    settle().await;
    call.await
        .expect("no panic")
        .expect_err("nothing is replayed");
    assert_eq!(connection.state(), HubConnectionState::Connected);
    assert_eq!(log.all(), ["reconnecting: none", "reconnected: false"]);
    connection.send("told", ()).await.expect("open");
    assert_eq!(
        again.hear().await,
        r#"{"type":1,"target":"told","arguments":[]}"#
    );

    // A later loss starts with the first delay.
    stage.down.store(true, Relaxed);
    stage.attempts.store(0, Relaxed);
    let start = Instant::now();
    drop(again);
    let mut states = connection.states();
    let closed = states
        .wait_for(|state| *state == HubConnectionState::Disconnected)
        .await;
    closed.expect("it gives up");
    assert_eq!(
        (stage.attempts.load(Relaxed), start.elapsed().as_secs()),
        (4, 42)
    );
    settle().await;
    assert_eq!(
        log.all()[2..],
        [
            "reconnecting: none",
            "closed: Reconnect retries have been exhausted after 4 failed attempts and 42.0 s elapsed. Disconnecting."
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn the_policy_is_told_what_happened() {
    let (mut stage, builder) = Stage::new();
    let log = Log::default();
    let asked = log.clone();
    let builder = builder.automatic_reconnect_with(move |retry: &RetryContext<'_>| {
        asked.note(format!(
            "{} {} {}",
            retry.previous_attempts,
            retry.elapsed.as_secs(),
            retry.reason.map_or("none".to_owned(), ToString::to_string)
        ));
        (retry.previous_attempts < 2).then_some(Duration::from_secs(1))
    });
    let (connection, mut actor) = Stage::connected(builder, &mut stage).await;
    stage.down.store(true, Relaxed);
    actor
        .say(r#"{"type":7,"error":"over","allowReconnect":true}"#)
        .await;
    let mut states = connection.states();
    let closed = states
        .wait_for(|state| *state == HubConnectionState::Disconnected)
        .await;
    closed.expect("it gives up");
    assert_eq!(
        log.all(),
        [
            "0 0 The server closed the connection with the following error: over",
            "1 1 the connector could not open a stream",
            "2 2 the connector could not open a stream",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_wants_no_attempt_or_panics_is_the_end() {
    let policies: [fn(&RetryContext<'_>) -> Option<Duration>; 2] =
        [|_| None, |_| panic!("on purpose")];
    for policy in policies {
        let (mut stage, builder) = Stage::new();
        let log = Log::default();
        let builder = noting(builder.automatic_reconnect_with(policy), &log);
        let (connection, mut actor) = Stage::connected(builder, &mut stage).await;
        actor
            .say(r#"{"type":7,"error":"over","allowReconnect":true}"#)
            .await;
        settle().await;
        drop(actor);
        settle().await;
        assert_eq!(connection.state(), HubConnectionState::Disconnected);
        assert_eq!(
            log.all(),
            ["closed: The server closed the connection with the following error: over"]
        );
    }
}

#[tokio::test(start_paused = true)]
async fn only_a_goodbye_that_allows_it_is_followed_by_attempts() {
    for (goodbye, events) in [
        (r#"{"type":7}"#, &["closed: none"][..]),
        (r#"{"type":7,"allowReconnect":false}"#, &["closed: none"]),
        (
            r#"{"type":7,"error":"e"}"#,
            &["closed: The server closed the connection with the following error: e"],
        ),
        (
            r#"{"type":7,"allowReconnect":true}"#,
            &["reconnecting: none", "reconnected: false"],
        ),
    ] {
        let (mut stage, builder) = Stage::new();
        let log = Log::default();
        let builder = noting(builder.automatic_reconnect(), &log);
        let shown = log.clone();
        let builder = builder.on("shown", move || {
            let log = shown.clone();
            async move { log.note("shown") }
        });
        let (_connection, mut actor) = Stage::connected(builder, &mut stage).await;
        // What comes behind it is not handled.
        let behind = r#"{"type":1,"target":"shown","arguments":[]}"#;
        actor
            .raw(format!("{goodbye}\u{1e}{behind}\u{1e}").as_bytes())
            .await;
        drop(actor);
        if events.len() > 1 {
            let _again = stage.accept().await;
            settle().await;
            assert_eq!(log.all(), events, "{goodbye}");
        } else {
            settle().await;
            assert_eq!(log.all(), events, "{goodbye}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_goodbye_that_allows_to_come_back_is_the_end_without_a_policy() {
    let (mut stage, builder) = Stage::new();
    let log = Log::default();
    let (connection, mut actor) = Stage::connected(noting(builder, &log), &mut stage).await;
    actor.say(r#"{"type":7,"allowReconnect":true}"#).await;
    settle().await;
    assert_eq!(log.all(), ["closed: none"]);
    assert_eq!(connection.state(), HubConnectionState::Disconnected);
    assert_eq!(stage.attempts.load(Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn calls_fail_in_the_delay_and_wait_for_an_attempt() {
    let (mut stage, builder) = Stage::new();
    let builder = builder.automatic_reconnect_with([Duration::from_secs(5)]);
    let (connection, actor) = Stage::connected(builder, &mut stage).await;
    drop(actor);
    settle().await;
    assert_eq!(connection.state(), HubConnectionState::Reconnecting);
    let error = connection.send("told", ()).await.expect_err("in the delay");
    assert!(error.is_closed());
    let mut actor = stage.pipe().await;
    let call = tokio::spawn({
        let connection = connection.clone();
        async move { connection.send("told", ()).await }
    });
    actor.hear().await;
    actor.say("{}").await;
    call.await.expect("no panic").expect("sent");
    assert_eq!(
        actor.hear_call().await,
        r#"{"type":1,"target":"told","arguments":[]}"#
    );
}

#[tokio::test(start_paused = true)]
async fn stop_ends_the_delay_and_the_attempt() {
    for during in ["delay", "attempt"] {
        let (mut stage, builder) = Stage::new();
        let log = Log::default();
        let builder = builder.automatic_reconnect_with([Duration::from_secs(5)]);
        let (connection, actor) = Stage::connected(noting(builder, &log), &mut stage).await;
        drop(actor);
        settle().await;
        let _silent = match during {
            "attempt" => Some(stage.pipe().await),
            _ => None,
        };
        connection.stop().await;
        settle().await;
        assert_eq!(
            log.all(),
            [
                "reconnecting: none".to_owned(),
                format!("closed: Connection stopped during reconnect {during}. Done reconnecting."),
            ]
        );
        let attempts = stage.attempts.load(Relaxed);
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(stage.attempts.load(Relaxed), attempts);
    }
}

#[tokio::test(start_paused = true)]
async fn a_handshake_that_fails_is_a_failed_attempt() {
    let (mut stage, builder) = Stage::new();
    let (connection, actor) = Stage::connected(builder.automatic_reconnect(), &mut stage).await;
    drop(actor);
    let mut refusing = stage.pipe().await;
    refusing.hear().await;
    refusing.say(r#"{"error":"not yet"}"#).await;
    drop(refusing);
    let _actor = stage.accept().await;
    settle().await;
    assert_eq!(connection.state(), HubConnectionState::Connected);
}

#[tokio::test(start_paused = true)]
async fn the_closed_handler_may_start_again_and_a_slow_one_blocks_nothing() {
    let (mut stage, builder) = Stage::new();
    let connection = Arc::new(std::sync::OnceLock::<signalr::WeakHubConnection>::new());
    let handle = Arc::clone(&connection);
    let (sender, mut states) = tokio::sync::mpsc::unbounded_channel();
    let builder = builder.on_closed(move |_| {
        let (handle, sender) = (Arc::clone(&handle), sender.clone());
        async move {
            let connection = handle
                .get()
                .and_then(|weak| weak.upgrade())
                .expect("the test has one");
            sender.send(connection.state()).expect("the test waits");
            connection.start().await.expect("started again");
            std::future::pending::<()>().await;
        }
    });
    let (kept, actor) = Stage::connected(builder, &mut stage).await;
    connection.set(kept.downgrade()).expect("once");
    drop(actor);
    let mut again = stage.accept().await;
    assert_eq!(states.recv().await, Some(HubConnectionState::Disconnected));
    settle().await;
    kept.send("told", ()).await.expect("open");
    assert_eq!(
        again.hear().await,
        r#"{"type":1,"target":"told","arguments":[]}"#
    );
}

#[tokio::test(start_paused = true)]
async fn the_state_changes_with_the_loss_and_not_with_the_end_of_the_socket() {
    for policy in [true, false] {
        let (mut stage, builder) = Stage::new();
        let log = Log::default();
        let mut builder = noting(builder, &log);
        if policy {
            builder = builder.automatic_reconnect();
        }
        // The server keeps its side open, and says nothing.
        let (connection, _actor) = Stage::connected(builder, &mut stage).await;
        let states = connection.states();
        let call = connection.invoke::<()>("asked", ()).await;
        assert!(call.expect_err("silence").is_timeout());
        let lost = Instant::now();
        assert!(states.has_changed().expect("kept"));
        settle().await;
        assert_eq!(log.all().len(), 1, "the event");
        if policy {
            let _again = stage.accept().await;
            settle().await;
            assert_eq!(connection.state(), HubConnectionState::Connected);
        } else {
            assert_eq!(connection.state(), HubConnectionState::Disconnected);
        }
        assert_eq!(lost.elapsed().as_millis(), 0);
    }
}

/// No task, no pipe and no handler stays behind.
#[tokio::test(start_paused = true)]
async fn a_thousand_losses_leave_nothing_behind() {
    let (mut stage, builder) = Stage::new();
    let log = Log::default();
    let builder = noting(builder.automatic_reconnect(), &log);
    let (connection, mut actor) = Stage::connected(builder, &mut stage).await;
    settle().await;
    let tasks = || {
        tokio::runtime::Handle::current()
            .metrics()
            .num_alive_tasks()
    };
    let before = tasks();
    for _ in 0..1_000 {
        let call = connection.invoke::<()>("asked", ());
        let lose = async { drop(actor) };
        let (called, ()) = tokio::join!(call, lose);
        called.expect_err("lost");
        actor = stage.accept().await;
        while connection.state() != HubConnectionState::Connected {
            tokio::task::yield_now().await;
        }
    }
    settle().await;
    assert_eq!(tasks(), before);
    assert_eq!(log.all().len(), 2_000);
    connection.stop().await;
    drop(actor);
    settle().await;
    assert_eq!(tasks(), 0);
}

/// A handler that takes a second, and notes when it begins and ends.
fn slow(builder: HubConnectionBuilder, log: &Log) -> HubConnectionBuilder {
    let log = log.clone();
    builder.on("said", move |number: u32| {
        log.note(format!("begin {number}"));
        let log = log.clone();
        async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            log.note(format!("end {number}"));
        }
    })
}

fn in_order(numbers: std::ops::Range<u32>) -> Vec<String> {
    numbers
        .flat_map(|number| [format!("begin {number}"), format!("end {number}")])
        .collect()
}

#[tokio::test(start_paused = true)]
async fn messages_of_a_lost_connection_are_handled_before_those_of_the_next() {
    let (mut stage, builder) = Stage::new();
    let log = Log::default();
    let builder = slow(builder.automatic_reconnect(), &log).respond("asked", || async { Ok(1) });
    let (connection, mut actor) = Stage::connected(builder, &mut stage).await;
    for number in 0..3 {
        actor.say(&message("said", &number.to_string())).await;
    }
    settle().await;
    drop(actor);
    // One between them that has nothing to handle.
    drop(stage.accept().await);
    let mut actor = stage.accept().await;
    for number in 3..5 {
        actor.say(&message("said", &number.to_string())).await;
    }
    actor.say(&question("q", "asked")).await;
    assert_eq!(
        actor.hear().await,
        r#"{"type":3,"invocationId":"q","result":1}"#,
        "questions wait for nothing"
    );
    assert!(log.all().len() < 5, "{:?}", log.all());
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(log.all(), in_order(0..5));

    // A connection that is stopped and started again is another one too.
    actor.say(&message("said", "5")).await;
    settle().await;
    let stopped = async {
        connection.stop().await;
        connection.start().await.expect("started");
    };
    let restarted = async {
        drop(actor);
        let mut actor = stage.accept().await;
        actor.say(&message("said", "6")).await;
        actor
    };
    let ((), _actor) = tokio::join!(stopped, restarted);
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(log.all(), in_order(0..7));
}
