//! Servers that take nothing of what is sent to them.

use std::time::Duration;

use signalr::{Error, HubConnection, HubConnectionState};
use tokio::{io::AsyncReadExt, task::JoinHandle, time::Instant};

use crate::support::{Actor, Log, Stage, settle};

const PING: &str = r#"{"type":6}"#;
const SILENCE: &str =
    "Server timeout (30000.00ms) elapsed without receiving a message from the server.";
const STALL: &str =
    "the server took or acknowledged nothing of what was sent for the `server_timeout` of 30s";

/// Sends until it fails.
fn hammer(connection: &HubConnection) -> JoinHandle<Error> {
    let connection = connection.clone();
    tokio::spawn(async move {
        let text = "x".repeat(100_000);
        loop {
            if let Err(error) = connection.send("told", (&text,)).await {
                return error;
            }
        }
    })
}

/// A call that waits for its answer, and then for room.
fn call(connection: &HubConnection) -> JoinHandle<Result<i32, Error>> {
    let connection = connection.clone();
    tokio::spawn(async move { connection.invoke("asked", ()).await })
}

#[tokio::test(start_paused = true)]
async fn a_server_that_takes_nothing_is_lost() {
    for is_silent in [true, false] {
        let (mut stage, builder) = Stage::new();
        let builder = builder.automatic_reconnect();
        let (connection, mut actor) = Stage::connected(builder, &mut stage).await;
        let begun = Instant::now();
        let (waiting, sending) = (call(&connection), hammer(&connection));
        settle().await;
        let late = call(&connection);
        settle().await;
        assert!(!sending.is_finished() && !late.is_finished());
        while !is_silent && !waiting.is_finished() {
            actor.say(PING).await;
            tokio::time::sleep(Duration::from_secs(5)).await;
        }
        let error = waiting.await.expect("no panic").expect_err("lost");
        assert!(error.is_timeout());
        let text = if is_silent { SILENCE } else { STALL };
        assert_eq!(error.to_string(), text);
        let took = begun.elapsed().as_secs();
        assert!((30..=36).contains(&took), "{took} s");
        // Who waited for room waits no longer, and learns the same.
        assert_eq!(sending.await.expect("no panic").to_string(), text);
        let late = late.await.expect("no panic").expect_err("lost");
        assert_eq!(late.to_string(), text);
        let _again = stage.accept().await;
        settle().await;
        assert_eq!(connection.state(), HubConnectionState::Connected);
        assert!(begun.elapsed().as_secs() <= 36);
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_takes_little_is_not() {
    let (mut stage, builder) = Stage::new();
    let (connection, mut actor) = Stage::connected(builder, &mut stage).await;
    let sending = hammer(&connection);
    let mut bytes = [0; 512];
    for _ in 0..60 {
        tokio::time::sleep(Duration::from_secs(20)).await;
        actor.say(PING).await;
        actor.io.read_exact(&mut bytes).await.expect("open");
    }
    assert_eq!(connection.state(), HubConnectionState::Connected);
    assert!(!sending.is_finished());
    sending.abort();
}

#[tokio::test(start_paused = true)]
async fn a_close_message_is_heard_though_nothing_can_be_sent() {
    let (mut stage, builder) = Stage::new();
    let (connection, mut actor) = Stage::connected(builder, &mut stage).await;
    let (waiting, sending) = (call(&connection), hammer(&connection));
    settle().await;
    let begun = Instant::now();
    actor.say(r#"{"type":7,"error":"enough"}"#).await;
    let error = waiting.await.expect("no panic").expect_err("closed");
    assert_eq!(
        error.to_string(),
        "The server closed the connection with the following error: enough"
    );
    assert!(sending.await.expect("no panic").is_closed());
    settle().await;
    assert_eq!(connection.state(), HubConnectionState::Disconnected);
    assert_eq!(begun.elapsed().as_millis(), 0);
}

/// A client with a full queue whose call `1` waits.
async fn full(log: &Log) -> (HubConnection, Actor, JoinHandle<Result<i32, Error>>) {
    let (mut stage, builder) = Stage::new();
    let (shown, asked) = (log.clone(), log.clone());
    let builder = builder
        .on("shown", move |text: String| {
            shown.note(text);
            std::future::ready(())
        })
        .respond("question", move |text: String| {
            asked.note(&text);
            std::future::ready(Ok(text))
        });
    let (connection, actor) = Stage::connected(builder, &mut stage).await;
    let waiting = call(&connection);
    settle().await;
    let sending = hammer(&connection);
    settle().await;
    sending.abort();
    (connection, actor, waiting)
}

fn question(text: &str) -> String {
    format!(r#"{{"type":1,"invocationId":"{text}","target":"question","arguments":["{text}"]}}"#)
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_holds_neither_answers_nor_questions_up() {
    let log = Log::default();
    let (_connection, mut actor, waiting) = full(&log).await;
    let shown = |text: &str| format!(r#"{{"type":1,"target":"shown","arguments":["{text}"]}}"#);
    actor.say(&shown("one")).await;
    actor
        .say(r#"{"type":3,"invocationId":"1","result":5}"#)
        .await;
    assert_eq!(waiting.await.expect("no panic").expect("an answer"), 5);
    actor.say(&question("q")).await;
    actor.say(&shown("two")).await;
    settle().await;
    assert_eq!(log.all(), ["one", "q", "two"]);
    // The answer is behind what was queued before.
    loop {
        let message = actor.hear().await;
        if message == r#"{"type":3,"invocationId":"q","result":"q"}"# {
            break;
        }
        assert!(message.starts_with(r#"{"type":1,"#), "{message}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_close_message_behind_a_question_is_heard() {
    let log = Log::default();
    let (connection, mut actor, waiting) = full(&log).await;
    actor.say(&question("q")).await;
    actor.say(r#"{"type":7,"error":"enough"}"#).await;
    let error = waiting.await.expect("no panic").expect_err("closed");
    assert_eq!(
        error.to_string(),
        "The server closed the connection with the following error: enough"
    );
    settle().await;
    assert_eq!(connection.state(), HubConnectionState::Disconnected);
}
