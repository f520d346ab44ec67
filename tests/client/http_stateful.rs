//! Stateful reconnect over WebSockets, with servers that a test plays: what is asked, repeated, dropped and acknowledged.

use std::{
    future::ready,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
    time::{Duration, Instant},
};

use signalr::{HttpTransportType, HubConnectionState, HubProtocol};

use crate::{
    http_sockets::{connected, greeting, next},
    stand::{POLLS, SOCKETS, Seen, Stand, in_time, json, status, until},
    theatre::{NEGOTIATION, OPENING, PING, Theatre, YES, answer, call, logged, sequence},
};

#[tokio::test]
async fn what_is_asked_and_the_bytes_of_the_handshake() {
    for (protocol, handshake) in [
        (
            HubProtocol::Json,
            &b"{\"protocol\":\"json\",\"version\":2}\x1e"[..],
        ),
        (
            HubProtocol::MessagePack,
            b"{\"protocol\":\"messagepack\",\"version\":2}\x1e",
        ),
    ] {
        let mut theatre = Theatre::new().await;
        let connecting = tokio::spawn(theatre.client().protocol(protocol).connect());
        let mut link = theatre.link().await;
        let request = next(&mut link.socket).await.expect("a handshake");
        assert_eq!(request.into_data(), handshake);
        link.say("{}").await;
        let connection = in_time(connecting).await.expect("no panic");
        assert_eq!(theatre.stand.lines(), [NEGOTIATION, OPENING]);
        drop(connection.expect("connected"));
    }
}

#[tokio::test]
async fn without_the_servers_flag_all_is_as_ever() {
    let no = r#","useStatefulReconnect":false"#;
    for (flag, asks) in [("", true), (no, true), (YES, false)] {
        let stand = Stand::new(move |seen: Seen| {
            ready(match seen.is_negotiation() {
                true => json(answer(flag, &[SOCKETS])),
                // It wants version 1.
                false => greeting(|socket| async move { drop(socket) }),
            })
        })
        .await;
        let builder = match asks {
            true => stand.client().stateful_reconnect(),
            false => stand.client(),
        };
        let (connection, ends) = connected(builder).await;
        until(|| !ends.all().is_empty()).await;
        assert_eq!(
            ends.all(),
            ["the connection's input or output failed"],
            "{flag}"
        );
        assert_eq!(connection.state(), HubConnectionState::Disconnected);
        assert_eq!(stand.seen().len(), 2, "{flag}");
    }
}

#[tokio::test]
async fn the_flag_is_left_out_for_other_transports() {
    let stand = Stand::new(|seen: Seen| {
        ready(match seen.is_negotiation() {
            true => json(answer(YES, &[SOCKETS, POLLS])),
            false => status(500),
        })
    })
    .await;
    let builder = stand.client().stateful_reconnect();
    in_time(builder.connect()).await.expect_err("nothing works");
    let plain = "POST /chat/negotiate?negotiateVersion=1";
    assert_eq!(stand.lines()[..3], [NEGOTIATION, OPENING, plain]);
    let builder = stand.client().stateful_reconnect();
    let builder = builder.transports([HttpTransportType::LongPolling]);
    in_time(builder.connect()).await.expect_err("nothing works");
    assert_eq!(stand.lines()[4], plain);
}

#[tokio::test]
async fn another_socket_goes_on_where_the_first_was_lost() {
    let mut theatre = Theatre::new().await;
    let asked = AtomicUsize::new(0);
    let builder = theatre.client().automatic_reconnect();
    let builder = builder.access_token(move || {
        let number = asked.fetch_add(1, Relaxed) + 1;
        ready(Ok(Some(format!("token{number}"))))
    });
    let (builder, log) = logged(builder);
    let (connection, mut link) = theatre.connected(builder).await;
    let states = connection.states();
    connection.send("note", ("a",)).await.expect("sent");
    connection.send("note", ("b",)).await.expect("sent");
    let caller = connection.clone();
    let asking = tokio::spawn(async move { caller.invoke::<u32>("double", (4,)).await });
    assert_eq!(link.hear().await, call("note", "a"));
    assert_eq!(link.hear().await, call("note", "b"));
    let question = link.hear().await;
    link.ack(1).await;
    // What comes behind the acknowledgement is handled behind it.
    link.said("one").await;
    until(|| log.all() == ["one"]).await;
    drop(link);

    let mut link = theatre.link().await;
    assert_eq!(link.hear().await, sequence(2));
    assert_eq!(link.hear().await, call("note", "b"));
    assert_eq!(link.hear().await, question);
    link.sequence(2).await;
    link.say(r#"{"type":3,"invocationId":"1","result":8}"#)
        .await;
    let answer = in_time(asking).await.expect("no panic");
    assert_eq!(answer.expect("an answer"), 8);
    connection.send("note", ("c",)).await.expect("sent");
    assert_eq!(link.hear().await, call("note", "c"));
    link.ack(4).await;
    link.said("two").await;
    until(|| log.all() == ["one", "two"]).await;
    drop(link);

    // Nothing is left to be repeated.
    let mut link = theatre.link().await;
    assert_eq!(link.hear().await, sequence(5));
    connection.send("note", ("d",)).await.expect("sent");
    assert_eq!(link.hear().await, call("note", "d"));

    assert!(!states.has_changed().expect("kept"), "nobody has noticed");
    assert_eq!(connection.connection_id().expect("an id"), "ID");
    assert_eq!(
        theatre.stand.lines(),
        [NEGOTIATION, OPENING, OPENING, OPENING]
    );
    let seen = theatre.stand.seen();
    let tokens = seen.iter().map(|seen| seen.header("authorization"));
    let fresh = (1..=4).map(|number| format!("Bearer token{number}"));
    assert!(
        tokens.eq(fresh
            .map(Some)
            .collect::<Vec<_>>()
            .iter()
            .map(Option::as_deref))
    );
}

#[tokio::test]
async fn what_comes_twice_is_dropped() {
    let mut theatre = Theatre::new().await;
    let (builder, log) = logged(theatre.client());
    let (_connection, mut link) = theatre.connected(builder).await;
    link.said("a").await;
    link.said("b").await;
    until(|| log.all().len() == 2).await;
    drop(link);
    let mut link = theatre.link().await;
    assert_eq!(link.hear().await, sequence(1));
    link.said("without a number").await;
    link.sequence(1).await;
    for text in ["a", "b", "c"] {
        link.said(text).await;
    }
    until(|| log.all().len() >= 3).await;
    assert_eq!(link.hear_ack().await, 3);
    assert_eq!(log.all(), ["a", "b", "c"]);
}

#[tokio::test]
async fn acknowledgements_come_once_a_second_and_only_with_news() {
    let mut theatre = Theatre::new().await;
    let (builder, log) = logged(theatre.client());
    let builder = builder.keep_alive(Duration::from_millis(200));
    let (_connection, mut link) = theatre.connected(builder).await;
    let begun = Instant::now();
    for number in 1..=5 {
        link.said(&number.to_string()).await;
    }
    assert_eq!(link.hear_ack().await, 5);
    let mut acks = 1;
    let mut last = 5;
    let mut sent = 5;
    while last < 100 {
        if sent < 100 {
            sent += 1;
            link.said(&sent.to_string()).await;
            until(|| log.all().len() == sent).await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let heard = tokio::time::timeout(Duration::from_millis(1), link.hear_ack()).await;
        if let Ok(number) = heard {
            assert!(number > last, "{number} after {last}");
            (acks, last) = (acks + 1, number);
            // The clock's tick may come a little early.
            assert!(begun.elapsed() >= Duration::from_millis(990) * (acks - 1));
        }
    }
    // More than a second without news, in which pings go out.
    let quiet = Instant::now();
    while quiet.elapsed() < Duration::from_millis(1_300) {
        assert_eq!(link.hear_all().await, PING);
    }
}

#[tokio::test]
async fn what_belongs_to_the_connection_itself_has_no_number() {
    let mut theatre = Theatre::new().await;
    let (builder, log) = logged(theatre.client());
    let builder = builder.keep_alive(Duration::from_millis(20));
    let (connection, mut link) = theatre.connected(builder).await;
    link.say(PING).await;
    link.ack(0).await;
    link.said("a").await;
    link.say(PING).await;
    // Pings and an acknowledgement of the client.
    assert_eq!(link.hear_all().await, PING);
    assert_eq!(link.hear_ack().await, 1);
    assert_eq!(link.hear_all().await, PING);
    connection.send("note", ("x",)).await.expect("sent");
    assert_eq!(link.hear().await, call("note", "x"));
    drop(link);
    let mut link = theatre.link().await;
    assert_eq!(link.hear().await, sequence(1));
    assert_eq!(link.hear().await, call("note", "x"));
    link.sequence(2).await;
    link.said("b").await;
    until(|| log.all() == ["a", "b"]).await;
    assert_eq!(link.hear_ack().await, 2);
}
