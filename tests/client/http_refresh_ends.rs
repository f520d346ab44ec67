//! Authentication refresh where it fails, is not to be had, goes another way, or is over.

use std::{
    future::ready,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use bytes::Bytes;
use futures_util::StreamExt;
use signalr::{
    Error, HttpTransportType, HubConnection, HubConnectionState, HubProtocol, HubServer,
};
use tokio::sync::mpsc;

use crate::{
    http_refresh::{
        Bureau, DAY, Told, bearer_of_a_send, for_seconds, freeze, lifetime, negotiation, pass,
        patient, seconds,
    },
    http_sockets::{greeting, say},
    stand::{Act, POLLS, SOCKETS, Seen, Socket, Stand, answer, in_time, json, status, streamed},
    support::{Desk, of_hub, settle},
};

fn endless() -> Act {
    let (pieces, act) = streamed("application/json");
    tokio::spawn(async move {
        // Until the client hangs up.
        while pieces.send(Ok(Bytes::from_static(&[b' '; 4096]))).is_ok() {
            tokio::task::yield_now().await;
        }
    });
    act
}

fn cut() -> Act {
    let (pieces, act) = streamed("application/json");
    let _ = pieces.send(Ok("{\"tokenLifetime".into()));
    let _ = pieces.send(Err(std::io::ErrorKind::Other.into()));
    act
}

#[tokio::test]
async fn a_failure_is_told_and_leaves_the_connection_open() {
    type Say = fn() -> Act;
    let cases: [(Say, &str); 9] = [
        (
            || answer(404, "application/json", r#"{"error":"refresh_disabled"}"#),
            "the status 404",
        ),
        (|| status(401), "the status 401"),
        (|| status(403), "the status 403"),
        (|| status(500), "the status 500"),
        (|| status(302), "the status 302"),
        (
            || json("<html>"),
            "Invalid authentication refresh response received.",
        ),
        (
            || json("[]"),
            "Invalid authentication refresh response received.",
        ),
        (endless, "/chat/refresh failed"),
        (cut, "/chat/refresh failed"),
    ];
    for (act, text) in cases {
        let _frozen = freeze();
        let mut bureau = Bureau::new(lifetime(360)).await;
        let (connection, mut told) = bureau.connected().await;
        bureau.asked_after(seconds(180)).await.say(act());
        let event = told.next().await;
        assert!(
            event.starts_with("failed: ") && event.ends_with(text),
            "{event}"
        );
        assert!(!event.contains("TOKEN"), "{event}");
        // It is not tried again and again.
        pass(DAY).await;
        bureau.rests().await;
        told.nothing().await;
        assert_eq!(connection.state(), HubConnectionState::Connected);
        // But may be when somebody wants it.
        let (by_hand, ()) = tokio::join!(in_time(connection.refresh_authentication()), async {
            bureau.asked().await.say(for_seconds(360));
        });
        assert_eq!(by_hand.expect("taken"), Some(seconds(360)));
        bureau.asked_after(seconds(180)).await.say(status(200));
        in_time(connection.stop()).await;
        tokio::time::resume();
    }
}

#[tokio::test]
async fn a_failure_by_hand_is_told_and_given_and_changes_no_time() {
    let _frozen = freeze();
    let mut bureau = Bureau::new(lifetime(360)).await;
    let (connection, mut told) = bureau.connected().await;
    let (by_hand, ()) = tokio::join!(in_time(connection.refresh_authentication()), async {
        bureau.asked().await.say(status(403));
    });
    let error = by_hand.expect_err("refused");
    assert!(error.is_unauthorized());
    let text = format!(
        "the authentication refresh at {}/refresh was answered with the status 403",
        bureau.stand.url()
    );
    assert_eq!(error.to_string(), text);
    assert_eq!(told.next().await, format!("failed: {text}"));
    bureau.asked_after(seconds(180)).await.say(status(200));
    assert_eq!(told.next().await, "refreshed");
}

#[tokio::test]
async fn silence_is_a_failure_after_the_request_timeout() {
    let _frozen = freeze();
    let mut bureau = Bureau::new(lifetime(360)).await;
    let (connection, mut told) = bureau.connected().await;
    let asked = bureau.asked_after(seconds(180)).await;
    pass(seconds(99)).await;
    told.nothing().await;
    pass(seconds(1)).await;
    let text = format!(
        "failed: the authentication refresh at {}/refresh was not answered within the `request_timeout`: 100s",
        bureau.stand.url()
    );
    assert_eq!(told.next().await, text);
    assert_eq!(connection.state(), HubConnectionState::Connected);
    drop(asked);
}

#[tokio::test]
async fn a_provider_that_fails_or_panics_fails_the_refresh_alone() {
    for panics in [false, true] {
        let _frozen = freeze();
        let mut bureau = Bureau::new(lifetime(360)).await;
        let (builder, mut told) = bureau.client();
        let asked = AtomicUsize::new(0);
        let builder = builder.authentication_refresh().access_token(move || {
            let number = asked.fetch_add(1, Relaxed);
            async move {
                match number {
                    0 | 1 => Ok(None),
                    _ if panics => panic!("a bug"),
                    _ => Err(std::io::Error::other("logged out").into()),
                }
            }
        });
        let connection = in_time(builder.connect()).await.expect("connected");
        pass(seconds(180)).await;
        let text = match panics {
            true => "failed: the access token provider panicked",
            false => "failed: the access token provider failed",
        };
        assert_eq!(told.next().await, text);
        bureau.rests().await;
        assert_eq!(connection.state(), HubConnectionState::Connected);
        tokio::time::resume();
    }
}

#[tokio::test]
async fn odd_lifetimes_neither_break_the_connection_nor_hammer_the_server() {
    for odd in ["0", "-1", "1e300", "0.001", "\"3600\"", "null", "{}", "[1]"] {
        let _frozen = freeze();
        let more = format!(r#","tokenLifetimeSeconds":{odd}"#);
        let mut bureau = Bureau::new(more).await;
        let (connection, mut told) = bureau.connected().await;
        pass(DAY).await;
        bureau.rests().await;
        let (by_hand, ()) = tokio::join!(in_time(connection.refresh_authentication()), async {
            let act = json(format!(r#"{{"tokenLifetimeSeconds":{odd}}}"#));
            bureau.asked().await.say(act);
        });
        assert_eq!(by_hand.expect("taken"), None, "{odd}");
        assert_eq!(told.next().await, "refreshed");
        pass(DAY).await;
        bureau.rests().await;
        in_time(connection.stop()).await;
        tokio::time::resume();
    }
    // The shortest lifetime there is makes one request a second, and the longest no overflow.
    let _frozen = freeze();
    let mut bureau = Bureau::new(lifetime(1)).await;
    let (connection, mut told) = bureau.connected().await;
    for _ in 0..5 {
        bureau.rests().await;
        pass(seconds(1)).await;
        bureau.asked().await.say(for_seconds(1));
        assert_eq!(told.next().await, "refreshed for 1 s");
    }
    pass(seconds(1)).await;
    bureau.asked().await.say(for_seconds(u64::MAX));
    assert_eq!(told.next().await, format!("refreshed for {} s", i32::MAX));
    pass(300 * DAY).await;
    bureau.rests().await;
    assert_eq!(connection.state(), HubConnectionState::Connected);
}

/// Fails by hand at once.
async fn is_not_available(connection: &HubConnection) {
    let error = in_time(connection.refresh_authentication()).await;
    assert_eq!(
        error.expect_err("not available").to_string(),
        "authentication can be refreshed only for connections by URL that were negotiated with version 1 or later"
    );
    assert_eq!(connection.state(), HubConnectionState::Connected);
}

#[tokio::test]
async fn version_zero_skipped_negotiation_and_streams_have_none() {
    let _frozen = freeze();
    let old = format!(
        r#"{{"connectionId":"ID","tokenLifetimeSeconds":360,"availableTransports":[{SOCKETS}]}}"#
    );
    let mut bureau = Bureau::answering(move |_| json(old.clone())).await;
    let (connection, mut told) = bureau.connected().await;
    is_not_available(&connection).await;
    pass(DAY).await;
    bureau.rests().await;
    in_time(connection.stop()).await;
    let (builder, _told) = bureau.client();
    let skipping = builder
        .transports([HttpTransportType::WebSockets])
        .skip_negotiation(true)
        .authentication_refresh();
    let connection = in_time(skipping.connect()).await.expect("connected");
    is_not_available(&connection).await;
    pass(DAY).await;
    bureau.rests().await;
    told.nothing().await;
    let server = HubServer::new(Desk::default());
    let over = of_hub(&server, HubProtocol::Json).connect();
    is_not_available(&in_time(over).await.expect("connected")).await;
}

/// A service with its answer to negotiation, and a hub that sends all clients there.
async fn redirecting(theirs: &'static str, offer: &'static str) -> (Bureau, Bureau) {
    let service = Bureau::answering(move |_| json(negotiation(theirs, offer))).await;
    let addr = service.stand.addr;
    let redirect = format!(
        r#"{{"url":"http://{addr}/chat?more=1","accessToken":"theirs","tokenLifetimeSeconds":3600}}"#
    );
    let hub = Bureau::answering(move |_| json(redirect.clone())).await;
    (service, hub)
}

#[tokio::test]
async fn after_a_redirect_the_first_server_is_asked_with_the_users_token_by_its_first_word() {
    for theirs in ["", r#","tokenLifetimeSeconds":60"#] {
        let _frozen = freeze();
        let (mut service, mut hub) = redirecting(theirs, SOCKETS).await;
        let (_connection, mut told) = hub.connected().await;
        let opening = service.stand.seen().pop().expect("a socket");
        assert_eq!(opening.line(), "GET /chat?more=1&id=TOKEN");
        assert_eq!(opening.header("authorization"), Some("Bearer theirs"));
        let asked = hub.asked_after(seconds(3300)).await;
        assert_eq!(asked.seen.line(), "POST /chat/refresh?id=TOKEN");
        // The first was for the hub's negotiation.
        assert_eq!(asked.bearer(), "Bearer token2");
        asked.say(for_seconds(360));
        assert_eq!(told.next().await, "refreshed for 360 s");
        let asked = hub.asked_after(seconds(180)).await;
        assert_eq!(asked.bearer(), "Bearer token3");
        service.rests().await;
        tokio::time::resume();
    }
}

#[tokio::test]
async fn after_a_redirect_the_users_token_stays_with_the_first_server() {
    let _frozen = freeze();
    let (mut service, mut hub) = redirecting("", POLLS).await;
    let (connection, _told) = hub.connected().await;
    for (act, sent_with) in [
        (json("{}"), "Bearer theirs"),
        (json(r#"{"accessToken":"newer"}"#), "Bearer newer"),
        (status(200), "Bearer newer"),
        (json(r#"{"accessToken":"newest"}"#), "Bearer newest"),
    ] {
        let (by_hand, ()) = tokio::join!(in_time(connection.refresh_authentication()), async {
            hub.asked().await.say(act);
        });
        by_hand.expect("taken");
        assert_eq!(bearer_of_a_send(&connection, &service).await, sent_with);
    }
    service.rests().await;
    in_time(connection.stop()).await;
}

/// A day without a request or an event; then a new start, which shows that they would be seen.
async fn over(bureau: &mut Bureau, connection: &HubConnection, told: &mut Told) {
    pass(DAY).await;
    bureau.rests().await;
    told.nothing().await;
    let error: Error = connection
        .refresh_authentication()
        .await
        .expect_err("it is over");
    assert!(error.is_closed());
    in_time(connection.start()).await.expect("started again");
    bureau.asked_after(seconds(180)).await.say(status(200));
    assert_eq!(told.next().await, "refreshed");
}

#[tokio::test]
async fn nothing_is_due_after_a_stop() {
    let _frozen = freeze();
    let mut bureau = Bureau::new(lifetime(360)).await;
    let (connection, mut told) = bureau.connected().await;
    pass(seconds(179)).await;
    in_time(connection.stop()).await;
    over(&mut bureau, &connection, &mut told).await;
    // Nor when the last handle is gone.
    let (by_hand, ()) = tokio::join!(in_time(connection.refresh_authentication()), async {
        bureau.asked().await.say(for_seconds(360));
    });
    by_hand.expect("taken");
    assert_eq!(told.next().await, "refreshed for 360 s");
    drop(connection);
    pass(DAY).await;
    bureau.rests().await;
}

#[tokio::test]
async fn a_stop_ends_what_is_on_its_way() {
    let _frozen = freeze();
    let mut bureau = Bureau::new(lifetime(360)).await;
    let (connection, mut told) = bureau.connected().await;
    let automatic = bureau.asked_after(seconds(180)).await;
    let other = connection.clone();
    let by_hand = tokio::spawn(async move { other.refresh_authentication().await });
    settle().await;
    in_time(connection.stop()).await;
    let ended = in_time(by_hand).await.expect("no panic");
    let error = ended.expect_err("stopped");
    assert!(error.is_closed());
    assert_eq!(
        error.to_string(),
        "the connection ended before its authentication was refreshed"
    );
    drop(automatic);
    over(&mut bureau, &connection, &mut told).await;
}

#[tokio::test]
async fn a_lost_connection_leaves_no_timer_and_the_next_has_its_own() {
    let _frozen = freeze();
    let (sender, mut sockets) = mpsc::unbounded_channel::<Socket>();
    let (asking, mut asked) = mpsc::unbounded_channel();
    let count = Arc::new(AtomicUsize::new(0));
    let stand = Stand::new(move |seen: Seen| {
        let sender = sender.clone();
        ready(match () {
            () if seen.is_negotiation() => match count.fetch_add(1, Relaxed) {
                0 => json(negotiation(&lifetime(360), SOCKETS)),
                _ => json(negotiation(&lifetime(3600), SOCKETS)),
            },
            () if seen.is_socket() => greeting(|socket| async move {
                sender.send(socket).expect("the test plays");
            }),
            () => {
                asking.send(seen).expect("the test counts");
                status(200)
            }
        })
    })
    .await;
    let (builder, mut told) = patient(stand.client());
    let builder = builder
        .authentication_refresh()
        .automatic_reconnect_with([seconds(100)]);
    let connection = in_time(builder.connect()).await.expect("connected");
    drop(in_time(sockets.recv()).await.expect("a socket"));
    let mut states = connection.states();
    let mut turned = async |wanted| {
        let turned = states.wait_for(|state| *state == wanted);
        in_time(turned).await.expect("a handle");
    };
    turned(HubConnectionState::Reconnecting).await;
    // The old one would be due at 180 s.
    pass(seconds(100)).await;
    turned(HubConnectionState::Connected).await;
    let mut socket = in_time(sockets.recv()).await.expect("a socket");
    pass(seconds(3299)).await;
    settle().await;
    assert!(asked.try_recv().is_err());
    pass(seconds(1)).await;
    in_time(asked.recv()).await.expect("a refresh");
    assert_eq!(told.next().await, "refreshed");
    // A server that ends the connection ends that too.
    let (by_hand, _) = tokio::join!(
        in_time(connection.refresh_authentication()),
        in_time(asked.recv())
    );
    by_hand.expect("taken");
    say(&mut socket, "{\"type\":7}\u{1e}").await;
    while let Some(Ok(_)) = in_time(socket.next()).await {}
    turned(HubConnectionState::Disconnected).await;
    pass(DAY).await;
    settle().await;
    assert!(asked.try_recv().is_err());
}

#[tokio::test]
async fn before_the_start_there_is_nothing_to_refresh() {
    let connection = HubConnection::builder("http://h/chat").build();
    let failed = connection.expect("valid").refresh_authentication().await;
    let error = failed.expect_err("not started");
    assert!(error.is_closed());
    assert_eq!(
        error.to_string(),
        "The 'refresh_authentication' method cannot be called if the connection is not active"
    );
}
