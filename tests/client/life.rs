//! Starting, stopping, and what calls do meanwhile.

use std::{sync::atomic::Ordering::Relaxed, time::Duration};

use signalr::{HubConnection, HubConnectionState, HubServer};
use tokio::time::Instant;

use crate::support::{Desk, Log, PROTOCOLS, Stage, of_hub, settle};

#[tokio::test(start_paused = true)]
async fn states_and_texts_around_the_start() {
    let (mut stage, builder) = Stage::new();
    let connection = builder.build().expect("valid");
    assert_eq!(connection.state(), HubConnectionState::Disconnected);
    for (method, called) in [
        ("invoke", connection.invoke::<()>("a", ()).await.err()),
        ("send", connection.send("a", ()).await.err()),
        ("stream", connection.stream::<()>("a", ()).await.err()),
    ] {
        let error = called.expect("not started");
        assert!(error.is_closed());
        assert_eq!(
            error.to_string(),
            format!("The '{method}' method cannot be called if the connection is not active")
        );
    }
    // Stopping what was never started does nothing.
    connection.stop().await;
    let starting = tokio::spawn({
        let connection = connection.clone();
        async move { connection.start().await }
    });
    let mut actor = stage.pipe().await;
    assert_eq!(connection.state(), HubConnectionState::Connecting);
    let twice = connection.start().await.expect_err("it is being started");
    assert_eq!(
        twice.to_string(),
        "The HubConnection cannot be started if it is not in the Disconnected state."
    );
    // A call waits for the start.
    let call = tokio::spawn({
        let connection = connection.clone();
        async move { connection.send("early", ()).await }
    });
    settle().await;
    assert_eq!(actor.hear().await, r#"{"protocol":"json","version":1}"#);
    actor.say("{}").await;
    starting.await.expect("no panic").expect("started");
    call.await.expect("no panic").expect("sent");
    assert_eq!(
        actor.hear_call().await,
        r#"{"type":1,"target":"early","arguments":[]}"#
    );
    assert_eq!(connection.state(), HubConnectionState::Connected);
}

#[tokio::test(start_paused = true)]
async fn stop_says_goodbye_and_the_connection_can_be_started_again() {
    let (mut stage, builder) = Stage::new();
    let log = Log::default();
    let noted = log.clone();
    let builder = builder.on_closed(move |error| {
        let log = noted.clone();
        async move { log.note(format!("closed {}", error.is_none())) }
    });
    let (connection, mut actor) = Stage::connected(builder, &mut stage).await;
    for _ in 0..3 {
        let call = tokio::spawn({
            let connection = connection.clone();
            async move { connection.invoke::<()>("wait", ()).await }
        });
        // Ids start over with each connection.
        assert_eq!(
            actor.hear().await,
            r#"{"type":1,"invocationId":"1","target":"wait","arguments":[]}"#
        );
        let goodbye = async {
            let heard = actor.hear().await;
            drop(actor);
            heard
        };
        let ((), heard) = tokio::join!(connection.stop(), goodbye);
        assert_eq!(heard, r#"{"type":7}"#);
        let error = call.await.expect("no panic").expect_err("it was cut off");
        assert_eq!(
            error.to_string(),
            "Invocation canceled due to the underlying connection being closed."
        );
        assert_eq!(connection.state(), HubConnectionState::Disconnected);
        let (started, again) = tokio::join!(connection.start(), stage.accept());
        started.expect("started again");
        actor = again;
    }
    assert_eq!(log.all(), ["closed true"; 3]);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_end_its_side_is_left_after_the_close_timeout() {
    let (mut stage, builder) = Stage::new();
    let builder = builder.close_timeout(Duration::from_secs(3));
    let (connection, _actor) = Stage::connected(builder, &mut stage).await;
    let start = Instant::now();
    connection.stop().await;
    assert_eq!(start.elapsed().as_secs(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_failed_start_raises_no_event_and_can_be_repeated() {
    let (mut stage, builder) = Stage::new();
    let log = Log::default();
    let noted = log.clone();
    let connection = builder
        .on_closed(move |_| {
            let log = noted.clone();
            async move { log.note("closed") }
        })
        .automatic_reconnect()
        .build()
        .expect("valid");
    stage.down.store(true, Relaxed);
    let error = connection.start().await.expect_err("the server is down");
    assert!(error.is_connect(), "{error}");
    assert_eq!(stage.attempts.load(Relaxed), 1);
    assert_eq!(connection.state(), HubConnectionState::Disconnected);
    stage.down.store(false, Relaxed);
    let (started, _actor) = tokio::join!(connection.start(), stage.accept());
    started.expect("started");
    settle().await;
    assert_eq!(log.all(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn the_first_start_is_repeated_if_that_is_asked_for() {
    let (mut stage, builder) = Stage::new();
    stage.down.store(true, Relaxed);
    let builder = builder.automatic_reconnect().retry_start(true);
    let down = std::sync::Arc::clone(&stage.down);
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(5)).await;
        down.store(false, Relaxed);
    });
    let start = Instant::now();
    let (_connection, _actor) = Stage::connected(builder, &mut stage).await;
    // At once, after no, two and ten seconds.
    assert_eq!(
        (stage.attempts.load(Relaxed), start.elapsed().as_secs()),
        (4, 12)
    );
    let (stage, builder) = Stage::new();
    stage.down.store(true, Relaxed);
    let error = builder
        .automatic_reconnect()
        .retry_start(true)
        .connect()
        .await;
    assert!(error.expect_err("it stays down").is_connect());
    assert_eq!(stage.attempts.load(Relaxed), 5);
}

#[tokio::test(start_paused = true)]
async fn stopping_or_dropping_a_start_ends_it() {
    let (mut stage, builder) = Stage::new();
    let connection = builder.build().expect("valid");
    let starting = tokio::spawn({
        let connection = connection.clone();
        async move { connection.start().await }
    });
    let mut actor = stage.pipe().await;
    connection.stop().await;
    let error = starting.await.expect("no panic").expect_err("stopped");
    assert_eq!(
        error.to_string(),
        "The connection was stopped before it was started."
    );
    assert_eq!(actor.hear().await, r#"{"protocol":"json","version":1}"#);
    assert_eq!(actor.hear().await, "");

    let given_up = tokio::time::timeout(Duration::from_secs(1), connection.start()).await;
    given_up.expect_err("nobody answers");
    settle().await;
    assert_eq!(connection.state(), HubConnectionState::Disconnected);
    let mut actor = stage.pipe().await;
    assert_eq!(actor.hear().await, r#"{"protocol":"json","version":1}"#);
    assert_eq!(actor.hear().await, "");
}

#[tokio::test(start_paused = true)]
async fn after_a_start_that_was_dropped_the_next_may_begin_at_once() {
    let (mut stage, builder) = Stage::new();
    let connection = builder.build().expect("valid");
    for _ in 0..3 {
        let given_up = tokio::time::timeout(Duration::from_secs(1), connection.start()).await;
        given_up.expect_err("nobody answers");
    }
    let server = async {
        for _ in 0..3 {
            stage.pipe().await;
        }
        stage.accept().await
    };
    let (started, mut actor) = tokio::join!(connection.start(), server);
    started.expect("the first was dropped");
    connection.send("told", ()).await.expect("open");
    let told = r#"{"type":1,"target":"told","arguments":[]}"#;
    assert_eq!(actor.hear().await, told);

    // One that is dropped when it has just succeeded ends the connection: nobody knows of it.
    connection.stop().await;
    let mut starting = Box::pin(connection.start());
    let mut actor = tokio::select! {
        _ = &mut starting => panic!("nobody has answered"),
        actor = stage.pipe() => actor,
    };
    actor.hear().await;
    actor.say("{}").await;
    settle().await;
    assert_eq!(connection.state(), HubConnectionState::Connected);
    drop(starting);
    let ended = async {
        assert_eq!(actor.hear_call().await, r#"{"type":7}"#);
        drop(actor);
        stage.accept().await
    };
    let (started, _actor) = tokio::join!(connection.start(), ended);
    started.expect("the other was dropped");
}

#[tokio::test(start_paused = true)]
async fn the_last_handle_ends_the_connection() {
    for protocol in PROTOCOLS {
        let server = HubServer::new(Desk::default());
        let connection = of_hub(&server, protocol)
            .connect()
            .await
            .expect("connected");
        let other = connection.clone();
        drop(connection);
        settle().await;
        assert_eq!(other.state(), HubConnectionState::Connected);
        let mut states = other.states();
        drop(other);
        let ended = states
            .wait_for(|state| *state == HubConnectionState::Disconnected)
            .await;
        ended.expect("told before the end");
        server.closed().await;
    }
}

#[tokio::test(start_paused = true)]
async fn wrong_options_are_refused_by_name() {
    type Set = fn(signalr::HubConnectionBuilder) -> signalr::HubConnectionBuilder;
    let cases: [(Set, &str); 7] = [
        (
            |b| b.server_timeout(Duration::ZERO),
            "option `server_timeout` must be longer than zero",
        ),
        (
            |b| b.keep_alive(Duration::ZERO),
            "option `keep_alive` must be longer than zero",
        ),
        (
            |b| b.keep_alive(Duration::from_secs(30)),
            "option `keep_alive` must be shorter than the `server_timeout` of 30s, but is 30s",
        ),
        (
            |b| b.stream_buffer(0),
            "option `stream_buffer` must be at least 1, but is 0",
        ),
        (
            |b| b.send_queue_limit(0),
            "option `send_queue_limit` must be at least 1, but is 0",
        ),
        (
            |b| b.max_receive_size(0),
            "option `max_receive_size` must be at least 1, but is 0",
        ),
        (
            |b| b.retry_start(true),
            "option `retry_start` needs a policy: set `automatic_reconnect` too",
        ),
    ];
    for (set, text) in cases {
        let error = set(Stage::new().1).build().expect_err("wrong");
        assert!(error.is_invalid_option());
        assert_eq!(error.to_string(), text);
    }
}

#[tokio::test(start_paused = true)]
async fn an_open_stream_is_used_once() {
    for protocol in PROTOCOLS {
        let server = HubServer::new(Desk::default());
        let (ours, theirs) = tokio::io::duplex(16 * 1024);
        tokio::spawn({
            let server = server.clone();
            async move { server.serve_connection(theirs).await }
        });
        let builder = HubConnection::over_stream(ours).protocol(protocol);
        let connection = builder.connect().await.expect("connected");
        let sum: i32 = connection.invoke("add", (1, 2)).await.expect("a sum");
        assert_eq!(sum, 3);
        // The server allows to come back, but there is no way.
        server.shutdown(Duration::from_secs(1)).await;
        let mut states = connection.states();
        let ended = states.wait_for(|state| *state == HubConnectionState::Disconnected);
        ended.await.expect("it ends");
        let error = connection.start().await.expect_err("no other stream");
        assert!(error.is_connect());
        assert_eq!(
            error.to_string(),
            "The stream of this connection has been used, and there is no other."
        );
        assert_eq!(connection.state(), HubConnectionState::Disconnected);
    }
    let builder = HubConnection::over_stream(tokio::io::duplex(1).0);
    let error = builder.automatic_reconnect().build().expect_err("wrong");
    assert_eq!(
        error.to_string(),
        "option `automatic_reconnect` needs a way to open further streams: `HubConnection::over`"
    );
}
