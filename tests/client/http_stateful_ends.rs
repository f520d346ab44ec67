//! When a connection with stateful reconnect is lost for good, with servers that a test plays.

use std::{sync::atomic::Ordering::Relaxed, time::Duration};

use futures_util::SinkExt;
use signalr::HubConnectionState;
use tokio_tungstenite::tungstenite::{
    Message,
    protocol::{CloseFrame, frame::coding::CloseCode},
};

use crate::{
    http_sockets::connected,
    stand::{chain, in_time, until},
    theatre::{NEGOTIATION, OPENING, PING, Theatre, logged},
};

#[tokio::test]
async fn a_number_from_the_future_is_the_end() {
    let mut theatre = Theatre::new().await;
    let connecting = tokio::spawn(connected(theatre.client()));
    drop(theatre.accept().await);
    let (connection, ends) = in_time(connecting).await.expect("no panic");
    let mut link = theatre.link().await;
    link.sequence(2).await;
    until(|| !ends.all().is_empty()).await;
    assert_eq!(
        ends.all(),
        ["Sequence ID greater than amount of messages we've received."]
    );
    assert_eq!(connection.state(), HubConnectionState::Disconnected);
}

#[tokio::test]
async fn a_number_that_no_message_has_is_the_end() {
    for (number, on_first) in [(0, false), (-1, true), (i64::MIN, false), (i64::MIN, true)] {
        let mut theatre = Theatre::new().await;
        let connecting = tokio::spawn(connected(theatre.client()));
        let mut link = theatre.accept().await;
        let (connection, ends) = in_time(connecting).await.expect("no panic");
        if !on_first {
            drop(link);
            link = theatre.link().await;
        }
        link.sequence(number).await;
        until(|| !ends.all().is_empty()).await;
        assert_eq!(
            ends.all(),
            [format!(
                "Sequence ID {number} is the number of no message: the first has 1."
            )]
        );
        assert_eq!(connection.state(), HubConnectionState::Disconnected);
    }
}

#[tokio::test]
async fn a_refusal_for_want_of_credentials_is_known_as_such() {
    for code in [401, 403] {
        let mut theatre = Theatre::new().await;
        // Lists give up then.
        let builder = theatre.client().automatic_reconnect();
        let (connection, link) = theatre.connected(builder).await;
        theatre.refusal.store(code, Relaxed);
        let caller = connection.clone();
        let asking = tokio::spawn(async move { caller.invoke::<()>("a", ()).await });
        drop(link);
        let error = in_time(asking).await.expect("no panic").expect_err("lost");
        assert!(error.is_unauthorized(), "{}", chain(&error));
        until(|| connection.state() == HubConnectionState::Disconnected).await;
        assert_eq!(theatre.stand.lines(), [NEGOTIATION, OPENING, OPENING]);
    }
}

#[tokio::test]
async fn a_server_that_acknowledges_nothing_is_lost() {
    for is_silent in [false, true] {
        let mut theatre = Theatre::new().await;
        let builder = theatre
            .client()
            .stateful_reconnect_buffer(1_000)
            .send_queue_limit(1_000)
            .keep_alive(Duration::from_millis(100))
            .server_timeout(Duration::from_millis(400));
        let (connection, mut link) = theatre.connected(builder).await;
        let sender = connection.clone();
        let sending = tokio::spawn(async move {
            loop {
                if let Err(error) = sender.send("note", ("x".repeat(100),)).await {
                    return error;
                }
            }
        });
        let caller = connection.clone();
        let asking = tokio::spawn(async move { caller.invoke::<()>("a", ()).await });
        while !is_silent && !asking.is_finished() {
            // It lives, and reads.
            let _ = link
                .socket
                .send(Message::text(format!("{PING}\u{1e}")))
                .await;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let error = in_time(asking).await.expect("no panic").expect_err("lost");
        assert!(error.is_timeout());
        if !is_silent {
            assert_eq!(
                error.to_string(),
                "the server took or acknowledged nothing of what was sent for the `server_timeout` of 400ms"
            );
        }
        assert!(in_time(sending).await.expect("no panic").is_timeout());
        until(|| connection.state() == HubConnectionState::Disconnected).await;
    }
}

#[tokio::test]
async fn whoever_says_goodbye_is_not_called_again() {
    for goodbye in ["close frame", "close message", "stop"] {
        let mut theatre = Theatre::new().await;
        let connecting = tokio::spawn(connected(theatre.client()));
        let mut link = theatre.accept().await;
        let (connection, ends) = in_time(connecting).await.expect("no panic");
        match goodbye {
            "close frame" => {
                let frame = CloseFrame {
                    code: CloseCode::Normal,
                    reason: "".into(),
                };
                let closed = link.socket.send(Message::Close(Some(frame)));
                closed.await.expect("open");
            }
            "close message" => link.say(r#"{"type":7}"#).await,
            _ => {
                let stopping = connection.clone();
                tokio::spawn(async move { stopping.stop().await });
                assert_eq!(link.hear().await, r#"{"type":7}"#);
            }
        }
        drop(link);
        until(|| !ends.all().is_empty()).await;
        assert_eq!(ends.all(), ["cleanly"], "{goodbye}");
        assert_eq!(connection.state(), HubConnectionState::Disconnected);
        assert_eq!(theatre.stand.lines(), [NEGOTIATION, OPENING], "{goodbye}");
    }
}

#[tokio::test]
async fn a_refusal_is_the_end() {
    for code in [204, 404, 409] {
        let mut theatre = Theatre::new().await;
        let (connection, link) = theatre.connected(theatre.client()).await;
        theatre.refusal.store(code, Relaxed);
        let caller = connection.clone();
        let asking = tokio::spawn(async move { caller.invoke::<()>("a", ()).await });
        drop(link);
        let error = in_time(asking).await.expect("no panic");
        let text = chain(&error.expect_err("lost"));
        assert!(text.starts_with("Reconnect attempt failed."), "{text}");
        assert!(text.ends_with(&format!("the status {code}")), "{text}");
        until(|| connection.state() == HubConnectionState::Disconnected).await;
        assert_eq!(theatre.stand.lines(), [NEGOTIATION, OPENING, OPENING]);
    }
}

#[tokio::test]
async fn after_a_refusal_automatic_reconnect_has_its_turn() {
    let mut theatre = Theatre::new().await;
    let builder = theatre
        .client()
        .automatic_reconnect_with(vec![Duration::from_millis(1); 50]);
    let (builder, log) = logged(builder);
    let (connection, link) = theatre.connected(builder).await;
    theatre.refusal.store(404, Relaxed);
    drop(link);
    until(|| !log.all().is_empty()).await;
    theatre.refusal.store(0, Relaxed);
    let _link = theatre.accept().await;
    until(|| log.all().len() == 2).await;
    assert_eq!(
        log.all(),
        ["reconnecting: Reconnect attempt failed.", "reconnected"]
    );
    assert_eq!(connection.state(), HubConnectionState::Connected);
    let lines = theatre.stand.lines();
    assert_eq!(lines[2..4], [OPENING, NEGOTIATION]);
    assert_eq!(lines[lines.len() - 2..], [NEGOTIATION, OPENING]);
}
