//! A connection outlives every lie: it can be started again, and works when the server does.

use std::{
    future::ready,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use signalr::{HubConnectionState, HubServer};

use crate::{
    http_sockets::{greeting, next, say},
    http_suite::serve,
    stand::{
        Act, EVENTS, POLLS, SOCKETS, Seen, Stand, answer, in_time, json, offering, socket, status,
    },
    support::Desk,
};

/// The lies: the answers to negotiation, to a socket, and to other requests.
fn lie(number: usize, seen: &Seen) -> Act {
    let all = || offering(&[SOCKETS, EVENTS, POLLS]);
    let host = seen.header("host").expect("a host");
    match (number, seen.is_negotiation()) {
        (0, _) => status(404),
        (1, _) => answer(200, "text/html", "<html><body>Sign in</body></html>"),
        (2, _) => json(format!(r#"{{"url":"http://{host}/chat"}}"#)),
        (3, _) => json(r#"{"negotiateVersion":1,"connectionId":"a"}"#),
        (4, _) => json("[".repeat(60_000)),
        (_, true) => all(),
        (5, _) => status(500),
        (6, _) if seen.is_socket() => socket(|socket| async move { drop(socket) }),
        (7, _) if seen.is_socket() => socket(|mut socket| async move {
            next(&mut socket).await;
            say(&mut socket, "<html>\u{1e}").await;
            next(&mut socket).await;
        }),
        _ => status(204),
    }
}

#[tokio::test]
async fn after_every_lie_the_same_connection_starts() {
    const LIES: usize = 8;
    let server = HubServer::new(Desk::default());
    let url = serve(&server).await;
    let number = Arc::new(AtomicUsize::new(0));
    let turn = Arc::clone(&number);
    let stand = Stand::new(move |seen: Seen| {
        ready(match turn.load(Relaxed) {
            LIES.. => json(format!(r#"{{"url":"{url}"}}"#)),
            number => lie(number, &seen),
        })
    })
    .await;
    let connection = stand.client().build().expect("valid");
    for _ in 0..LIES {
        let error = in_time(connection.start()).await.expect_err("a lie");
        assert!(!error.to_string().is_empty());
        assert_eq!(connection.state(), HubConnectionState::Disconnected);
        assert_eq!(connection.connection_id(), None);
        number.fetch_add(1, Relaxed);
    }
    in_time(connection.start())
        .await
        .expect("the truth at last");
    let sum: i32 = connection.invoke("add", (1, 2)).await.expect("a sum");
    assert_eq!(sum, 3);
}

#[tokio::test]
async fn messages_that_lie_cost_what_they_name() {
    let stand = Stand::new(|seen: Seen| {
        ready(match seen.is_negotiation() {
            true => offering(&[SOCKETS]),
            false => greeting(|mut socket| async move {
                let call = next(&mut socket).await.expect("a call");
                assert!(
                    call.to_text()
                        .expect("JSON")
                        .contains("\"invocationId\":\"1\"")
                );
                for message in [
                    r#"{"type":3,"invocationId":"77","result":1}"#,
                    r#"{"type":2,"invocationId":"78","item":1}"#,
                    r#"{"type":99,"anything":{}}"#,
                    r#"{"type":1,"target":"unknown","arguments":[1,2,3]}"#,
                    r#"{"type":3,"invocationId":"1","result":5}"#,
                    r#"{"type":3,"invocationId":"1","result":6}"#,
                ] {
                    say(&mut socket, &format!("{message}\u{1e}")).await;
                }
                next(&mut socket).await;
            }),
        })
    })
    .await;
    let connection = in_time(stand.client().connect()).await.expect("connected");
    let result: i32 = in_time(connection.invoke("a", ())).await.expect("a result");
    assert_eq!(result, 5);
    assert_eq!(connection.state(), HubConnectionState::Connected);
}

#[tokio::test]
async fn cookies_of_lies_are_no_load_for_the_truth() {
    let url = serve(&HubServer::new(Desk::default())).await;
    let number = Arc::new(AtomicUsize::new(0));
    let turn = Arc::clone(&number);
    let stand = Stand::new(move |_: Seen| {
        let number = turn.load(Relaxed);
        let Act::Answer(mut response) = json(format!(r#"{{"url":"{url}"}}"#)) else {
            unreachable!("it answers");
        };
        if number < 5 {
            *response.status_mut() = http::StatusCode::INTERNAL_SERVER_ERROR;
            for cookie in 0..13 {
                let cookie = format!("c{number}x{cookie}={}; Path=/", "x".repeat(4_000));
                let cookie = cookie.parse().expect("a header");
                response.headers_mut().append("set-cookie", cookie);
            }
        }
        ready(Act::Answer(response))
    })
    .await;
    let connection = stand.client().build().expect("valid");
    for _ in 0..5 {
        in_time(connection.start()).await.expect_err("a lie");
        number.fetch_add(1, Relaxed);
    }
    in_time(connection.start()).await.expect("the truth");
    for seen in &stand.seen()[1..] {
        let sent = seen.header("cookie").expect("the latest");
        assert!((4_000..=8_000).contains(&sent.len()), "{}", sent.len());
    }
}
