//! Servers that lie, break off, or say nothing.

use std::time::Duration;

use signalr::HubConnectionState;
use tokio::time::Instant;

use crate::support::{PROTOCOLS, Stage, settle};

#[tokio::test(start_paused = true)]
async fn handshakes_that_fail_say_why_and_the_start_can_be_repeated() {
    let (mut stage, builder) = Stage::new();
    let connection = builder.build().expect("valid");
    for (answer, text) in [
        (
            "{\"error\":\"not you\"}\u{1e}",
            "Unable to complete handshake with the server due to an error: not you",
        ),
        (
            "garbage\u{1e}",
            "The server's answer to the handshake cannot be read.",
        ),
        (
            "<html>\u{1e}",
            "The server's answer to the handshake cannot be read.",
        ),
        (
            "{\"type\":6}\u{1e}",
            "Expected a handshake response from the server, but got a hub message.",
        ),
        (
            "{}",
            "The server disconnected before sending a handshake response",
        ),
        (
            "",
            "The server disconnected before sending a handshake response",
        ),
    ] {
        let server = async {
            let mut actor = stage.pipe().await;
            actor.hear().await;
            actor.raw(answer.as_bytes()).await;
        };
        let (started, ()) = tokio::join!(connection.start(), server);
        let error = started.expect_err("no handshake");
        assert_eq!(error.to_string(), text, "{answer}");
        assert_eq!(connection.state(), HubConnectionState::Disconnected);
    }
    let (started, _actor) = tokio::join!(connection.start(), stage.accept());
    started.expect("a server that shakes hands");
}

#[tokio::test(start_paused = true)]
async fn a_silent_handshake_times_out() {
    let (mut stage, builder) = Stage::new();
    let connection = builder
        .handshake_timeout(Duration::from_secs(7))
        .build()
        .expect("valid");
    let start = Instant::now();
    let (started, mut actor) = tokio::join!(connection.start(), stage.pipe());
    // The actor reads nothing, but ends its side when told.
    let error = started.expect_err("nobody answers");
    assert!(error.is_timeout());
    assert_eq!(
        error.to_string(),
        "the server did not answer the handshake within the `handshake_timeout` of 7s"
    );
    assert!(start.elapsed() >= Duration::from_secs(7));
    actor.hear().await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_in_pieces_and_a_message_behind_it_are_both_taken() {
    let (mut stage, builder) = Stage::new();
    let (sender, mut shown) = tokio::sync::mpsc::unbounded_channel();
    let builder = builder.on("shown", move |text: String| {
        let sender = sender.clone();
        async move { sender.send(text).expect("the test waits") }
    });
    let server = async {
        let mut actor = stage.pipe().await;
        actor.hear().await;
        for piece in [
            "{\"minorVersion\"",
            ":3}\u{1e}{\"type\":1,\"target\":\"shown\",\"argu",
            "ments\":[\"early\"]}\u{1e}",
        ] {
            actor.raw(piece.as_bytes()).await;
            settle().await;
        }
        actor
    };
    let (connected, _actor) = tokio::join!(builder.connect(), server);
    let _connection = connected.expect("connected");
    assert_eq!(shown.recv().await.as_deref(), Some("early"));
}

#[tokio::test(start_paused = true)]
async fn unknown_ids_and_types_and_doubled_completions_are_ignored() {
    for protocol in PROTOCOLS {
        let (mut stage, builder) = Stage::of(protocol);
        let (connection, mut actor) = Stage::connected(builder, &mut stage).await;
        let call = connection.invoke::<i32>("asked", ());
        let answer = async {
            actor.hear().await;
            for message in [
                r#"{"type":3,"invocationId":"99","result":1}"#,
                r#"{"type":2,"invocationId":"99","item":1}"#,
                r#"{"type":99}"#,
                r#"{"type":5,"invocationId":"1"}"#,
                r#"{"type":3,"invocationId":"1","result":1}"#,
                r#"{"type":3,"invocationId":"1","result":2}"#,
                r#"{"type":2,"invocationId":"1","item":1}"#,
            ] {
                actor.say(message).await;
            }
        };
        assert_eq!(tokio::join!(call, answer).0.expect("the first answer"), 1);
        settle().await;
        assert_eq!(connection.state(), HubConnectionState::Connected);
    }
}

#[tokio::test(start_paused = true)]
async fn an_item_for_an_invoke_fails_it_and_a_result_fails_a_stream() {
    for protocol in PROTOCOLS {
        let (mut stage, builder) = Stage::of(protocol);
        let (connection, mut actor) = Stage::connected(builder, &mut stage).await;
        let call = connection.invoke::<i32>("asked", ());
        let answer = async {
            actor.hear().await;
            actor.say(r#"{"type":2,"invocationId":"1","item":1}"#).await;
        };
        let error = tokio::join!(call, answer).0.expect_err("it is no stream");
        assert!(error.to_string().contains("stream"), "{error}");
        let mut items = connection
            .stream::<i32>("numbers", ())
            .await
            .expect("opened");
        actor.hear_call().await;
        actor.say(r#"{"type":2,"invocationId":"2","item":1}"#).await;
        actor
            .say(r#"{"type":3,"invocationId":"2","result":1}"#)
            .await;
        assert_eq!(items.next().await.expect("an item").expect("a number"), 1);
        let error = items.next().await.expect("an end").expect_err("a result");
        assert_eq!(
            error.to_string(),
            "Server provided a result in a completion response to a streamed invocation."
        );
        assert_eq!(connection.state(), HubConnectionState::Connected);
    }
}

#[tokio::test(start_paused = true)]
async fn what_breaks_the_protocol_ends_the_connection_with_its_error() {
    for (sent, text) in [
        ("not JSON\u{1e}", "Error reading JSON."),
        (
            "{\"type\":6}\u{1e}{\"typ",
            "Connection terminated while reading a message.",
        ),
    ] {
        let (mut stage, builder) = Stage::new();
        let (sender, mut closed) = tokio::sync::mpsc::unbounded_channel();
        let builder = builder.on_closed(move |error| {
            let sender = sender.clone();
            async move { sender.send(error).expect("the test waits") }
        });
        let (connection, mut actor) = Stage::connected(builder, &mut stage).await;
        let call = tokio::spawn({
            let connection = connection.clone();
            async move { connection.invoke::<()>("asked", ()).await }
        });
        actor.hear().await;
        actor.raw(sent.as_bytes()).await;
        drop(actor);
        let error = call.await.expect("no panic").expect_err("cut off");
        assert!(error.is_protocol());
        assert_eq!(error.to_string(), text);
        let reason = closed.recv().await.expect("an event").expect("an error");
        assert_eq!(reason.to_string(), text);
    }
}

#[tokio::test(start_paused = true)]
async fn an_oversize_message_names_the_limit() {
    let (mut stage, builder) = Stage::new();
    let builder = builder.max_receive_size(100);
    let (connection, mut actor) = Stage::connected(builder, &mut stage).await;
    let call = tokio::spawn(async move { connection.invoke::<()>("asked", ()).await });
    actor.hear().await;
    actor.raw(&[b' '; 1_000]).await;
    let error = call.await.expect("no panic").expect_err("cut off");
    assert!(error.is_protocol());
    assert_eq!(
        error.to_string(),
        "a message of the server is larger than the `max_receive_size` of 100 bytes"
    );
    // The same before the handshake is over.
    let (mut stage, builder) = Stage::new();
    let lie = async {
        let mut actor = stage.pipe().await;
        actor.hear().await;
        actor.raw(&[b' '; 1_000]).await;
        actor
    };
    let (started, _actor) = tokio::join!(builder.max_receive_size(100).connect(), lie);
    assert_eq!(
        started.expect_err("cut off").to_string(),
        "a message of the server is larger than the `max_receive_size` of 100 bytes"
    );
}

#[tokio::test(start_paused = true)]
async fn an_endless_stream_is_held_back() {
    let (mut stage, builder) = Stage::new();
    let builder = builder.stream_buffer(10);
    let (connection, mut actor) = Stage::connected(builder, &mut stage).await;
    let mut items = connection
        .stream::<u64>("numbers", ())
        .await
        .expect("opened");
    actor.hear().await;
    let filling = tokio::spawn(async move {
        for number in 0..1_000_000_u64 {
            let item = format!(r#"{{"type":2,"invocationId":"1","item":{number}}}"#);
            actor.say(&item).await;
        }
    });
    settle().await;
    assert!(!filling.is_finished(), "somebody has taken a million items");
    for number in 0..10_000 {
        assert_eq!(
            items.next().await.expect("an item").expect("a number"),
            number
        );
    }
    filling.abort();
}

#[tokio::test(start_paused = true)]
async fn silence_closes_with_the_text_and_anything_else_does_not() {
    let (mut stage, builder) = Stage::new();
    let (connection, mut actor) = Stage::connected(builder, &mut stage).await;
    let call = tokio::spawn({
        let connection = connection.clone();
        async move { connection.invoke::<()>("asked", ()).await }
    });
    for _ in 0..10 {
        tokio::time::sleep(Duration::from_secs(29)).await;
        actor.say(r#"{"type":6}"#).await;
    }
    assert_eq!(connection.state(), HubConnectionState::Connected);
    let start = Instant::now();
    let error = call.await.expect("no panic").expect_err("given up");
    assert!(error.is_timeout());
    assert_eq!(
        error.to_string(),
        "Server timeout (30000.00ms) elapsed without receiving a message from the server."
    );
    assert!(
        (29..=33).contains(&start.elapsed().as_secs()),
        "{:?}",
        start.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn any_message_is_a_sign_of_life() {
    for protocol in PROTOCOLS {
        for message in [
            r#"{"type":1,"target":"nobody","arguments":[]}"#,
            r#"{"type":1,"invocationId":"q","target":"nobody","arguments":[]}"#,
            r#"{"type":2,"invocationId":"9","item":1}"#,
            r#"{"type":3,"invocationId":"9","result":1}"#,
            r#"{"type":5,"invocationId":"9"}"#,
            r#"{"type":6}"#,
        ] {
            let (mut stage, builder) = Stage::of(protocol);
            let (connection, mut actor) = Stage::connected(builder, &mut stage).await;
            for _ in 0..5 {
                tokio::time::sleep(Duration::from_secs(29)).await;
                actor.say(message).await;
            }
            settle().await;
            let state = connection.state();
            assert_eq!(state, HubConnectionState::Connected, "{message}");
            tokio::time::sleep(Duration::from_secs(33)).await;
            let state = connection.state();
            assert_eq!(state, HubConnectionState::Disconnected, "{message}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn pings_go_out_after_an_interval_without_sending() {
    let (mut stage, builder) = Stage::new();
    let builder = builder.server_timeout(Duration::from_secs(3_600));
    let (connection, mut actor) = Stage::connected(builder, &mut stage).await;
    let start = Instant::now();
    assert_eq!(actor.hear().await, r#"{"type":6}"#);
    assert!(
        (14..=17).contains(&start.elapsed().as_secs()),
        "{:?}",
        start.elapsed()
    );
    tokio::time::sleep(Duration::from_secs(10)).await;
    connection.send("told", ()).await.expect("open");
    assert_eq!(
        actor.hear().await,
        r#"{"type":1,"target":"told","arguments":[]}"#
    );
    let start = Instant::now();
    assert_eq!(actor.hear().await, r#"{"type":6}"#);
    assert!(
        (14..=17).contains(&start.elapsed().as_secs()),
        "{:?}",
        start.elapsed()
    );
}
