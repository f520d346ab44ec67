//! Negotiation with servers that a test plays: what is asked, redirects, and answers that are none.

use std::{
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
    time::Duration,
};

use bytes::Bytes;
use signalr::{Error, HttpTransportType, HubConnection, HubConnectionState, HubServer};

use crate::{
    http_suite::serve,
    stand::{Act, POLLS, SOCKETS, Seen, Stand, answer, in_time, json, offering, status, streamed},
    support::Desk,
};

/// Answers every negotiation so, and nothing else.
async fn stand(act: impl Fn(&Seen) -> Act + Clone + Send + Sync + 'static) -> Stand {
    Stand::new(move |seen| std::future::ready(act(&seen))).await
}

async fn failure(stand: &Stand) -> Error {
    let connection = stand.client().build().expect("valid");
    let failed = in_time(connection.start()).await.expect_err("a lie");
    assert_eq!(connection.state(), HubConnectionState::Disconnected);
    assert!(failed.is_connect(), "{failed}");
    failed
}

fn source(error: &Error) -> String {
    let source = std::error::Error::source(error);
    source.map_or_else(String::new, ToString::to_string)
}

#[tokio::test]
async fn the_request_is_an_empty_post_below_the_hub() {
    let stand = stand(|_| json(r#"{"error":"enough"}"#)).await;
    for (path, line) in [
        ("", "POST /negotiate?negotiateVersion=1"),
        ("/", "POST /negotiate?negotiateVersion=1"),
        ("/?q=1/0", "POST /negotiate?q=1/0&negotiateVersion=1"),
        ("/endpoint", "POST /endpoint/negotiate?negotiateVersion=1"),
        ("/endpoint/", "POST /endpoint/negotiate?negotiateVersion=1"),
        (
            "/endpoint?q=1/0",
            "POST /endpoint/negotiate?q=1/0&negotiateVersion=1",
        ),
        (
            "/endpoint?negotiateVersion=0",
            "POST /endpoint/negotiate?negotiateVersion=0",
        ),
    ] {
        let url = format!("http://{}{path}", stand.addr);
        let failed = HubConnection::builder(url).connect().await;
        assert_eq!(failed.expect_err("refused").to_string(), "enough");
        let seen = stand.seen().pop().expect("a request");
        assert_eq!(seen.line(), line);
        assert_eq!(seen.header("accept"), Some("*/*"));
        assert_eq!(seen.header("content-length"), Some("0"));
        assert_eq!(seen.header("content-type"), None);
        assert_eq!(seen.header("host"), Some(&*stand.addr.to_string()));
        assert!(seen.body.is_empty());
    }
}

#[tokio::test]
async fn an_error_is_the_failure_and_an_old_server_is_known() {
    let refusing = stand(|_| json(r#"{"error":"The hub is full."}"#)).await;
    assert_eq!(failure(&refusing).await.to_string(), "The hub is full.");
    let old =
        stand(|_| json(r#"{"Url":"/signalr","ProtocolVersion":"2.1","ConnectionId":"x"}"#)).await;
    let text = failure(&old).await.to_string();
    assert!(
        text.starts_with("Detected a connection attempt to an ASP.NET SignalR Server."),
        "{text}"
    );
}

#[tokio::test]
async fn answers_that_are_none_are_named() {
    for (content_type, body, inner) in [
        (
            "text/html",
            "<!DOCTYPE html><title>Sign in</title>",
            "expected value at line 1 column 1",
        ),
        (
            "application/json",
            "",
            "EOF while parsing a value at line 1 column 0",
        ),
        (
            "application/json",
            "[]",
            "Unexpected JSON Token Type 'Array'. Expected a JSON Object.",
        ),
        (
            "application/json",
            r#"{"availableTransports":[]}"#,
            "Missing required property 'connectionId'.",
        ),
        (
            "application/json",
            r#"{"connectionId":"1"}"#,
            "Missing required property 'availableTransports'.",
        ),
        (
            "application/json",
            r#"{"connectionId":"1","negotiateVersion":1,"availableTransports":[]}"#,
            "Missing required property 'connectionToken'.",
        ),
    ] {
        let stand = stand(move |_| answer(200, content_type, body)).await;
        let error = failure(&stand).await;
        assert_eq!(error.to_string(), "Invalid negotiation response received.");
        let expected = format!(
            "the answer of {}, of type {content_type}: {inner}",
            stand.url()
        );
        assert_eq!(source(&error), expected);
    }
}

#[tokio::test]
async fn an_endless_answer_is_cut_off() {
    let stand = stand(|_| {
        let (pieces, act) = streamed("application/json");
        tokio::spawn(async move {
            // Until the client hangs up.
            while pieces.send(Ok(Bytes::from_static(&[b' '; 4096]))).is_ok() {
                tokio::task::yield_now().await;
            }
        });
        act
    })
    .await;
    let error = failure(&stand).await;
    assert_eq!(
        error.to_string(),
        format!("negotiation at {}/negotiate failed", stand.url())
    );
    assert_eq!(source(&error), "the answer has more than 65536 bytes");
}

#[tokio::test]
async fn an_answer_that_breaks_off_or_never_comes_fails_the_start() {
    let cut = stand(|_| {
        let (pieces, act) = streamed("application/json");
        let _ = pieces.send(Ok("{\"connectionId\"".into()));
        let _ = pieces.send(Err(std::io::ErrorKind::Other.into()));
        act
    })
    .await;
    let error = failure(&cut).await;
    assert_eq!(
        error.to_string(),
        format!("negotiation at {}/negotiate failed", cut.url())
    );
    let silent = stand(|_| Act::Silence).await;
    let connection = silent.client().request_timeout(Duration::from_millis(60));
    let error = in_time(connection.connect()).await.expect_err("silence");
    assert!(error.is_timeout() && error.is_connect());
    assert_eq!(
        error.to_string(),
        format!(
            "negotiation at {}/negotiate was not answered within the `request_timeout`: 60ms",
            silent.url()
        )
    );
    // A body that stops in the middle is no answer either.
    let (pieces, act) = streamed("application/json");
    let act = std::sync::Arc::new(std::sync::Mutex::new(Some(act)));
    let half = stand(move |_| act.lock().expect("not poisoned").take().expect("one")).await;
    pieces.send(Ok("{".into())).expect("open");
    let connection = half.client().request_timeout(Duration::from_millis(60));
    let error = in_time(connection.connect()).await.expect_err("half");
    assert!(error.is_timeout());
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named_without_the_query() {
    let gone = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let addr = gone.local_addr().expect("bound");
    drop(gone);
    let connection = HubConnection::builder(format!("http://{addr}/chat?secret=1"));
    let error = in_time(connection.connect())
        .await
        .expect_err("nobody there");
    assert!(error.is_connect());
    assert_eq!(
        error.to_string(),
        format!("negotiation at http://{addr}/chat/negotiate failed")
    );
    assert!(!format!("{error:?}").contains("secret"), "{error:?}");
}

#[tokio::test]
async fn statuses_other_than_success_fail_the_start() {
    for (code, unauthorized) in [
        (401, true),
        (403, true),
        (404, false),
        (500, false),
        (302, false),
    ] {
        let stand = stand(move |_| status(code)).await;
        let error = failure(&stand).await;
        assert_eq!(
            error.to_string(),
            format!(
                "negotiation at {}/negotiate was answered with the status {code}",
                stand.url()
            )
        );
        assert_eq!(error.is_unauthorized(), unauthorized);
        assert_eq!(stand.seen().len(), 1);
    }
}

#[tokio::test]
async fn redirects_lead_to_another_hub_with_its_token() {
    let server = HubServer::builder(Desk::default()).build().expect("valid");
    let url = serve(&server).await;
    for with_token in [true, false] {
        let target = url.clone();
        let asked = std::sync::Arc::new(AtomicUsize::new(0));
        let stand = Stand::new(move |_| {
            let token = if with_token {
                r#","accessToken":"theirs""#
            } else {
                ""
            };
            std::future::ready(json(format!(r#"{{"url":"{target}"{token}}}"#)))
        })
        .await;
        let count = std::sync::Arc::clone(&asked);
        let connection = stand
            .client()
            .access_token(move || {
                count.fetch_add(1, Relaxed);
                async { Ok(Some("ours".to_owned())) }
            })
            .connect()
            .await
            .expect("connected");
        let sum: i32 = connection.invoke("add", (1, 2)).await.expect("a sum");
        assert_eq!(sum, 3);
        assert_eq!(stand.lines(), ["POST /chat/negotiate?negotiateVersion=1"]);
        assert_eq!(stand.seen()[0].header("authorization"), Some("Bearer ours"));
        let token = connection.invoke::<String>("authorization", ()).await;
        let (token, times) = match with_token {
            true => (token.expect("seen"), ("Bearer theirs", 1)),
            // For both negotiations and for the socket.
            false => (token.expect("seen"), ("Bearer ours", 3)),
        };
        assert_eq!((&*token, asked.load(Relaxed)), times);
        // A new start begins at the first URL, with the first token.
        connection.stop().await;
        connection.start().await.expect("started again");
        assert_eq!(stand.seen().len(), 2);
        assert_eq!(stand.seen()[1].header("authorization"), Some("Bearer ours"));
    }
}

#[tokio::test]
async fn a_hundred_redirects_are_the_end() {
    let looping = Stand::new(|seen: Seen| {
        let host = seen.header("host").expect("a host").to_owned();
        std::future::ready(json(format!(r#"{{"url":"http://{host}/chat"}}"#)))
    })
    .await;
    let error = failure(&looping).await;
    assert_eq!(error.to_string(), "Negotiate redirection limit exceeded.");
    assert_eq!(looping.seen().len(), 100);
}

#[tokio::test]
async fn redirects_to_what_is_no_hub_are_refused() {
    for (target, rule) in [
        (
            "/chat",
            "must be an absolute http or https URL, but is `/chat`",
        ),
        (
            "ws://h/chat?secret=1",
            "must be an absolute http or https URL, but is `ws://h/chat`",
        ),
        ("", "must be an absolute http or https URL, but is empty"),
    ] {
        let stand = stand(move |_| json(format!(r#"{{"url":"{target}"}}"#))).await;
        let text = format!("the URL that {} redirects to {rule}", stand.url());
        assert_eq!(failure(&stand).await.to_string(), text);
    }
}

#[tokio::test]
async fn the_token_of_version_one_and_the_id_of_version_zero_name_the_connection() {
    for (body, target) in [
        (
            r#""negotiateVersion":1,"connectionId":"ID","connectionToken":"TOKEN""#,
            "GET /chat?q=1&id=TOKEN",
        ),
        (
            r#""negotiateVersion":0,"connectionId":"ID","connectionToken":"TOKEN""#,
            "GET /chat?q=1&id=ID",
        ),
        (
            r#""connectionId":"ID","connectionToken":"TOKEN","more":{"a":[1]}"#,
            "GET /chat?q=1&id=ID",
        ),
    ] {
        let stand = stand(move |seen: &Seen| match seen.is_negotiation() {
            true => json(format!(r#"{{{body},"availableTransports":[{POLLS}]}}"#)),
            false => status(404),
        })
        .await;
        let failed = HubConnection::builder(format!("{}?q=1", stand.url()))
            .connect()
            .await;
        assert!(failed.is_err());
        assert_eq!(stand.lines()[1], target);
    }
}

#[tokio::test]
async fn a_blank_token_is_no_connection() {
    for token in ["", " ", "a b", "a&id=b"] {
        let stand = stand(move |_| {
            json(format!(
                r#"{{"negotiateVersion":1,"connectionId":"ID","connectionToken":"{token}","availableTransports":[{SOCKETS}]}}"#
            ))
        })
        .await;
        assert_eq!(failure(&stand).await.to_string(), "Invalid connection id.");
        assert_eq!(stand.seen().len(), 1);
    }
}

#[tokio::test]
async fn without_negotiation_there_is_no_id() {
    let server = HubServer::new(Desk::default());
    let url = serve(&server).await;
    let connection = HubConnection::builder(&url)
        .transports([HttpTransportType::WebSockets])
        .skip_negotiation(true)
        .automatic_reconnect()
        .connect()
        .await
        .expect("connected");
    assert_eq!(connection.connection_id(), None);
    let sum: i32 = connection.invoke("add", (1, 2)).await.expect("a sum");
    assert_eq!((sum, server.negotiation_count()), (3, 0));
}

#[test]
fn wrong_urls_and_options_are_named() {
    let text = |built: Result<HubConnection, Error>| built.expect_err("wrong").to_string();
    for (url, rule) in [
        ("", "must be an absolute http or https URL, but is empty"),
        (
            "localhost:5000/chat",
            "must be an absolute http or https URL, but is `localhost:5000/chat`: invalid format",
        ),
        (
            "/chat",
            "must be an absolute http or https URL, but is `/chat`",
        ),
        (
            "http://h:99999/chat",
            "must have a port from 1 to 65535, but is `http://h:99999/chat` with the port 99999",
        ),
    ] {
        let error = text(HubConnection::builder(url).build());
        assert_eq!(error, format!("option `url` {rule}"));
    }
    let builder = || HubConnection::builder("http://h/chat");
    let skipped = builder().skip_negotiation(true).build();
    assert_eq!(
        text(skipped),
        "Negotiation can only be skipped when using the WebSocket transport directly."
    );
    assert_eq!(
        text(builder().transports([]).build()),
        "option `transports` must name one at least"
    );
    assert_eq!(
        text(builder().header("Connection", "close").build()),
        "option `header` must not set `Connection`: the transports set it"
    );
    assert_eq!(
        text(builder().header("X-Secret", "a\r\nb").build()),
        "option `header` must not set `X-Secret`: the value has characters that no header takes"
    );
    for (url, shown) in [
        ("socks5://ann:secret@h:1", "socks5://…@h:1"),
        ("http://ann:sec ret@h:1", "http://…@h:1"),
        ("ftp://h/?key=secret", "ftp://h/"),
        ("", ""),
    ] {
        assert_eq!(
            text(builder().proxy(url).build()),
            format!("option `proxy` must be the http URL of a proxy, but is `{shown}`")
        );
    }
    assert_eq!(
        text(builder().request_timeout(Duration::ZERO).build()),
        "option `request_timeout` must be longer than zero"
    );
    let over = HubConnection::over(|| async { Ok(tokio::io::duplex(1).0) });
    assert_eq!(
        text(over.transports([HttpTransportType::WebSockets]).build()),
        "option `transports` is for connections by URL"
    );
}

#[tokio::test]
async fn offers_that_are_all_unusable_are_listed() {
    let none = stand(|_| offering(&[])).await;
    assert_eq!(
        failure(&none).await.to_string(),
        "None of the transports supported by the client are supported by the server."
    );
}
