//! Access tokens: when the provider is asked, and what a refused request does.

use std::{
    future::ready,
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use signalr::{
    Denied, HttpTransportType, HubConnection, HubConnectionBuilder, HubConnectionState, HubServer,
    Identity, access_token,
};

use crate::{
    http_suite::serve,
    stand::{EVENTS, POLLS, SOCKETS, Seen, Stand, chain, in_time, offering, status, until},
    support::Desk,
};

const ALL: [HttpTransportType; 3] = [
    HttpTransportType::WebSockets,
    HttpTransportType::ServerSentEvents,
    HttpTransportType::LongPolling,
];

/// Gives `token 1`, `token 2` and so on, and counts.
fn counting(builder: HubConnectionBuilder) -> (HubConnectionBuilder, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let builder = builder.access_token(move || {
        let number = count.fetch_add(1, Relaxed) + 1;
        async move { Ok(Some(format!("token{number}"))) }
    });
    (builder, asked)
}

/// A real server that takes the tokens so far, and notes what each request had.
struct Guarded {
    url: String,
    /// The only token that is taken; any, if there is none.
    valid: Arc<Mutex<Option<&'static str>>>,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Guarded {
    async fn new() -> Self {
        let (valid, seen) = <(Arc<Mutex<Option<&str>>>, Arc<Mutex<Vec<String>>>)>::default();
        let (taken, log) = (Arc::clone(&valid), Arc::clone(&seen));
        let server = HubServer::builder(Desk::default()).authorize(move |request| {
            let token = access_token(request).unwrap_or_default();
            let line = format!("{} {} {token}", request.method, request.uri.path());
            log.lock().expect("not poisoned").push(line);
            let valid = *taken.lock().expect("not poisoned");
            match valid.is_none_or(|valid| valid == token) {
                true => Ok(Identity::user("ann")),
                false => Err(Denied::Unauthorized),
            }
        });
        let url = serve(&server.build().expect("valid")).await;
        Self { url, valid, seen }
    }

    fn only(&self, token: &'static str) {
        *self.valid.lock().expect("not poisoned") = Some(token);
    }

    fn seen(&self) -> Vec<String> {
        self.seen.lock().expect("not poisoned").clone()
    }
}

#[tokio::test]
async fn a_socket_asks_for_the_negotiation_and_for_the_upgrade() {
    let guarded = Guarded::new().await;
    let (builder, asked) = counting(HubConnection::builder(&guarded.url).transports([ALL[0]]));
    let connection = builder.connect().await.expect("connected");
    connection
        .invoke::<()>("note", ("a",))
        .await
        .expect("noted");
    assert_eq!(asked.load(Relaxed), 2);
    assert_eq!(
        guarded.seen(),
        ["POST /desk/negotiate token1", "GET /desk token2"]
    );
}

#[tokio::test]
async fn the_others_ask_once_for_all_requests() {
    for transport in &ALL[1..] {
        let guarded = Guarded::new().await;
        let (builder, asked) =
            counting(HubConnection::builder(&guarded.url).transports([*transport]));
        let connection = builder.connect().await.expect("connected");
        for _ in 0..2 {
            connection.send("note", ("a",)).await.expect("sent");
            connection
                .invoke::<()>("note", ("b",))
                .await
                .expect("noted");
        }
        connection.stop().await;
        assert_eq!(asked.load(Relaxed), 1);
        let seen = guarded.seen();
        assert!(seen.len() > 5, "{seen:?}");
        assert!(
            seen.iter().all(|line| line.ends_with(" token1")),
            "{seen:?}"
        );
    }
}

#[tokio::test]
async fn a_refused_request_is_repeated_once_with_a_new_token() {
    for transport in &ALL[1..] {
        let guarded = Guarded::new().await;
        let (builder, asked) =
            counting(HubConnection::builder(&guarded.url).transports([*transport]));
        let connection = builder.connect().await.expect("connected");
        guarded.only("token2");
        connection
            .invoke::<()>("note", ("a",))
            .await
            .expect("noted");
        connection
            .invoke::<()>("note", ("b",))
            .await
            .expect("noted");
        // However many requests were refused together.
        assert_eq!(asked.load(Relaxed), 2, "{transport}");
        // The next one is of no use: the token after it is the third.
        guarded.only("token9");
        let failed = connection.invoke::<()>("note", ("c",)).await;
        assert!(failed.expect_err("refused").is_unauthorized());
        assert_eq!(asked.load(Relaxed), 3, "{transport}");
        assert_eq!(connection.state(), HubConnectionState::Disconnected);
    }
}

/// Answers what is not negotiation so.
async fn stand(offer: &'static str, code: u16) -> Stand {
    Stand::new(move |seen: Seen| {
        ready(match seen.is_negotiation() {
            true => offering(&[offer]),
            false => status(code),
        })
    })
    .await
}

#[tokio::test]
async fn a_second_refusal_at_the_start_is_final() {
    for (offer, requests) in [(SOCKETS, 1), (EVENTS, 2), (POLLS, 2)] {
        let stand = stand(offer, 401).await;
        let (builder, asked) = counting(stand.client());
        let error = in_time(builder.connect()).await.expect_err("refused");
        assert!(error.is_unauthorized(), "{error}");
        assert_eq!(stand.seen().len(), 1 + requests, "{offer}");
        assert_eq!(asked.load(Relaxed), 2, "{offer}");
    }
}

#[tokio::test]
async fn only_401_is_worth_a_second_try() {
    for offer in [SOCKETS, EVENTS, POLLS] {
        let stand = stand(offer, 403).await;
        let (builder, _) = counting(stand.client());
        let error = in_time(builder.connect()).await.expect_err("refused");
        assert!(error.is_unauthorized(), "{error}");
        assert_eq!(stand.seen().len(), 2, "{offer}");
    }
}

#[tokio::test]
async fn a_refused_negotiation_is_not_repeated() {
    let stand = Stand::new(|_| ready(status(401))).await;
    let (builder, asked) = counting(stand.client());
    let error = in_time(builder.connect()).await.expect_err("refused");
    assert!(error.is_unauthorized());
    assert_eq!((stand.seen().len(), asked.load(Relaxed)), (1, 1));
}

#[tokio::test]
async fn nobody_knocks_again_at_a_closed_door() {
    for offer in [SOCKETS, EVENTS, POLLS] {
        let stand = stand(offer, 403).await;
        let builder = stand.client().automatic_reconnect().retry_start(true);
        let error = in_time(builder.connect()).await.expect_err("refused");
        assert!(error.is_unauthorized());
        assert_eq!(stand.seen().len(), 2, "{offer}");
    }
}

#[tokio::test]
async fn without_a_token_there_is_no_header() {
    for token in [None, Some("")] {
        let stand = Stand::new(|_| ready(status(500))).await;
        let builder = stand
            .client()
            .access_token(move || ready(Ok(token.map(str::to_owned))));
        in_time(builder.connect()).await.expect_err("broken");
        assert_eq!(stand.seen()[0].header("authorization"), None);
    }
}

#[tokio::test]
async fn a_provider_that_fails_or_panics_fails_the_start() {
    let stand = Stand::new(|_| ready(status(500))).await;
    let failing = stand
        .client()
        .access_token(|| async { Err(io::Error::other("no login").into()) });
    let error = in_time(failing.connect()).await.expect_err("no token");
    assert_eq!(error.to_string(), "the access token provider failed");
    let source = std::error::Error::source(&error).expect("a source");
    assert_eq!(source.to_string(), "no login");
    let panicking = stand.client().access_token(|| async { panic!("a bug") });
    let connection = panicking.build().expect("valid");
    let error = in_time(connection.start()).await.expect_err("no token");
    assert_eq!(error.to_string(), "the access token provider panicked");
    assert_eq!(connection.state(), HubConnectionState::Disconnected);
    let odd = stand
        .client()
        .access_token(|| async { Ok(Some("secret\r\nX-Other: 1".to_owned())) });
    let error = in_time(odd.connect()).await.expect_err("no header");
    assert_eq!(
        error.to_string(),
        "the access token has characters that no header takes"
    );
    assert_eq!(stand.seen().len(), 0);
}

#[tokio::test]
async fn a_token_that_never_comes_is_the_providers_fault() {
    let stand = Stand::new(|seen: Seen| {
        ready(match seen.is_negotiation() {
            true => offering(&[SOCKETS]),
            false => status(404),
        })
    })
    .await;
    // For the negotiation, and for the socket.
    for given in 0..2 {
        let limit = Duration::from_secs(1);
        let asked = AtomicUsize::new(0);
        let builder = stand.client().request_timeout(limit);
        let builder = builder.access_token(move || {
            let number = asked.fetch_add(1, Relaxed);
            async move {
                match number < given {
                    true => Ok(Some("token".to_owned())),
                    false => std::future::pending().await,
                }
            }
        });
        let error = in_time(builder.connect()).await.expect_err("no token");
        let all = chain(&error);
        let told =
            "the access token provider failed: it gave none within the `request_timeout`: 1s";
        assert!(all.contains(told), "{all}");
        assert!(!all.contains("not answered"), "{all}");
        assert_eq!(stand.seen().len(), given);
    }
}

#[tokio::test]
async fn each_attempt_to_reconnect_asks_anew() {
    let refuse = Arc::new(AtomicUsize::new(0));
    let gate = Arc::clone(&refuse);
    let stand = Stand::new(move |seen: Seen| {
        let refused = gate.load(Relaxed) == 1;
        ready(match seen.is_negotiation() {
            true if refused => status(500),
            true => offering(&[SOCKETS]),
            false => crate::http_sockets::greeting(|mut socket| async move {
                crate::http_sockets::next(&mut socket).await;
            }),
        })
    })
    .await;
    let (builder, asked) = counting(stand.client());
    let connection = builder
        .automatic_reconnect_with(vec![Duration::ZERO; 3])
        .connect()
        .await
        .expect("connected");
    assert_eq!(asked.load(Relaxed), 2);
    refuse.store(1, Relaxed);
    // The server hangs up when it hears something.
    connection.send("a", ()).await.expect("sent");
    until(|| connection.state() == HubConnectionState::Disconnected).await;
    assert_eq!(asked.load(Relaxed), 5);
    let tokens: Vec<_> = stand.seen()[2..]
        .iter()
        .map(|seen| seen.header("authorization").expect("a token").to_owned())
        .collect();
    assert_eq!(tokens, ["Bearer token3", "Bearer token4", "Bearer token5"]);
}
