//! Authentication refresh: when it is due, what is asked, and what comes of the answer. The clock stands still, and a test moves it.

use std::{
    future::ready,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use futures_util::StreamExt;
use signalr::{HubConnection, HubConnectionBuilder};
use tokio::{
    sync::{mpsc, oneshot},
    time::advance,
};

use crate::{
    http_sockets::greeting,
    stand::{Act, EVENTS, POLLS, SOCKETS, Seen, Stand, answer, in_time, json, status, streamed},
    support::settle,
};

/// Stops the clock, though sockets keep the test waiting, until it is dropped; not for ever, as nothing could be late then.
pub struct Frozen(
    #[expect(dead_code, reason = "its end is what counts")] std::sync::mpsc::Sender<()>,
);

pub fn freeze() -> Frozen {
    let (sender, receiver) = std::sync::mpsc::channel::<()>();
    // The runtime does not move the clock while a thread may have more work for it.
    tokio::task::spawn_blocking(move || receiver.recv_timeout(Duration::from_secs(60)));
    tokio::time::pause();
    Frozen(sender)
}

/// Moves the clock. Timers have whole milliseconds, and may be due in the next.
pub async fn pass(time: Duration) {
    advance(time + Duration::from_millis(1)).await;
}

pub const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub const DAY: Duration = seconds(24 * 60 * 60);

/// A request for a refresh that waits for its answer.
pub struct Asked {
    pub seen: Seen,
    answer: oneshot::Sender<Act>,
}

impl Asked {
    pub fn bearer(&self) -> &str {
        self.seen.header("authorization").unwrap_or("")
    }

    pub fn say(self, act: Act) {
        assert!(self.answer.send(act).is_ok(), "the client waits");
    }
}

/// A server whose refreshes a test answers.
pub struct Bureau {
    pub stand: Stand,
    asked: mpsc::UnboundedReceiver<Asked>,
}

impl Bureau {
    /// One that offers WebSockets, with something more in its answer to negotiation.
    pub async fn new(more: impl Into<String>) -> Self {
        let more = more.into();
        Self::answering(move |_| json(negotiation(&more, SOCKETS))).await
    }

    pub async fn answering(
        negotiation: impl Fn(&Seen) -> Act + Clone + Send + Sync + 'static,
    ) -> Self {
        let (sender, asked) = mpsc::unbounded_channel();
        let polls = Arc::new(AtomicUsize::new(0));
        let stand = Stand::new(move |seen: Seen| {
            let (sender, negotiation, polls) =
                (sender.clone(), negotiation.clone(), Arc::clone(&polls));
            async move {
                if seen.is_negotiation() {
                    polls.store(0, Relaxed);
                    return negotiation(&seen);
                }
                if seen.target.contains("/refresh") {
                    let (answer, answered) = oneshot::channel();
                    let asked = Asked { seen, answer };
                    sender.send(asked).expect("the test answers");
                    return answered.await.unwrap_or(Act::Silence);
                }
                if seen.is_socket() {
                    return greeting(|mut socket| async move {
                        // Without a time limit, as the clock jumps.
                        while let Some(Ok(_)) = socket.next().await {}
                    });
                }
                match (&*seen.method, seen.is_stream()) {
                    ("GET", true) => {
                        let (pieces, act) = streamed("text/event-stream");
                        let _ = pieces.send(Ok("data: {}\u{1e}\r\n\r\n".into()));
                        tokio::spawn(async move { pieces.closed().await });
                        act
                    }
                    ("GET", false) => match polls.fetch_add(1, Relaxed) {
                        0 => status(200),
                        1 => answer(200, "text/plain", "{}\u{1e}"),
                        _ => Act::Silence,
                    },
                    _ => status(200),
                }
            }
        })
        .await;
        Self { stand, asked }
    }

    /// The next request for a refresh.
    pub async fn asked(&mut self) -> Asked {
        in_time(self.asked.recv()).await.expect("a server")
    }

    /// Nobody has asked, and will without time passing.
    pub async fn rests(&mut self) {
        settle().await;
        assert!(self.asked.try_recv().is_err(), "nobody has asked");
    }

    /// Nobody asks before a time has passed; at once then.
    pub async fn asked_after(&mut self, time: Duration) -> Asked {
        pass(time - seconds(1)).await;
        self.rests().await;
        pass(seconds(1)).await;
        self.asked().await
    }

    pub fn client(&self) -> (HubConnectionBuilder, Told) {
        patient(self.stand.client())
    }

    pub async fn connected(&self) -> (HubConnection, Told) {
        let (builder, told) = self.client();
        let connection = in_time(builder.authentication_refresh().connect()).await;
        (connection.expect("connected"), told)
    }
}

/// What events told, as texts.
pub struct Told(mpsc::UnboundedReceiver<String>);

impl Told {
    pub async fn next(&mut self) -> String {
        in_time(self.0.recv()).await.expect("a connection")
    }

    pub async fn nothing(&mut self) {
        settle().await;
        assert_eq!(self.0.try_recv().ok(), None);
    }
}

/// A client that is not lost when the clock jumps, and gives `token1`, `token2` and so on.
pub fn patient(builder: HubConnectionBuilder) -> (HubConnectionBuilder, Told) {
    let (sender, told) = mpsc::unbounded_channel();
    let failed = sender.clone();
    let asked = AtomicUsize::new(0);
    let builder = builder
        .server_timeout(1000 * DAY)
        .keep_alive(500 * DAY)
        .access_token(move || {
            let number = asked.fetch_add(1, Relaxed) + 1;
            ready(Ok(Some(format!("token{number}"))))
        })
        .on_authentication_refreshed(move |lifetime| {
            let text = match lifetime {
                Some(lifetime) => format!("refreshed for {} s", lifetime.as_secs()),
                None => "refreshed".to_owned(),
            };
            let _ = sender.send(text);
            ready(())
        })
        .on_authentication_refresh_failed(move |error| {
            let _ = failed.send(format!("failed: {error}"));
            ready(())
        });
    (builder, Told(told))
}

pub fn negotiation(more: &str, offer: &str) -> String {
    format!(
        r#"{{"negotiateVersion":1,"connectionId":"ID","connectionToken":"TOKEN"{more},"availableTransports":[{offer}]}}"#
    )
}

pub fn lifetime(seconds: u64) -> String {
    format!(r#","tokenLifetimeSeconds":{seconds}"#)
}

pub fn for_seconds(seconds: u64) -> Act {
    json(format!(r#"{{"tokenLifetimeSeconds":{seconds}}}"#))
}

#[tokio::test]
async fn a_lifetime_is_refreshed_five_minutes_before_its_end_or_at_its_half() {
    for (length, due) in [(3600, 3300), (601, 301), (600, 300), (360, 180), (60, 30)] {
        let _frozen = freeze();
        let mut bureau = Bureau::new(lifetime(length)).await;
        let (_connection, _told) = bureau.connected().await;
        let asked = bureau.asked_after(seconds(due)).await;
        asked.say(status(200));
        tokio::time::resume();
    }
}

#[tokio::test]
async fn how_long_before_is_an_option() {
    for (length, due) in [(3600, 3540), (120, 60), (100, 50)] {
        let _frozen = freeze();
        let mut bureau = Bureau::new(lifetime(length)).await;
        let (builder, _told) = bureau.client();
        let builder = builder
            .authentication_refresh_before(seconds(60))
            .authentication_refresh();
        let _connection = in_time(builder.connect()).await.expect("connected");
        let _asked = bureau.asked_after(seconds(due)).await;
        tokio::time::resume();
    }
    let builder = || HubConnection::builder("http://h/chat");
    let error = builder()
        .authentication_refresh_before(Duration::ZERO)
        .build();
    assert_eq!(
        error.expect_err("wrong").to_string(),
        "option `authentication_refresh_before` must be longer than zero"
    );
    let over = HubConnection::over(|| ready(Ok(tokio::io::duplex(1).0)));
    assert_eq!(
        over.authentication_refresh()
            .build()
            .expect_err("wrong")
            .to_string(),
        "option `authentication_refresh` is for connections by URL"
    );
}

#[tokio::test]
async fn without_the_option_or_a_lifetime_nobody_asks() {
    let _frozen = freeze();
    let mut bureau = Bureau::new(lifetime(360)).await;
    let (builder, _told) = bureau.client();
    let connection = in_time(builder.connect()).await.expect("connected");
    pass(DAY).await;
    bureau.rests().await;
    in_time(connection.stop()).await;
    let mut bureau = Bureau::new("").await;
    let (_connection, _told) = bureau.connected().await;
    pass(DAY).await;
    bureau.rests().await;
}

#[tokio::test]
async fn the_request_is_an_empty_post_below_the_hub_with_a_token_of_its_own() {
    let _frozen = freeze();
    let mut bureau = Bureau::new(lifetime(360)).await;
    for (path, line) in [
        ("/", "POST /refresh?id=TOKEN"),
        (
            "/hubs/chat/?q=1/0",
            "POST /hubs/chat/refresh?q=1/0&id=TOKEN",
        ),
    ] {
        let url = format!("http://{}{path}", bureau.stand.addr);
        let (builder, _told) = patient(HubConnection::builder(url));
        let builder = builder.header("X-Tenant", "blue").authentication_refresh();
        let connection = in_time(builder.connect()).await.expect("connected");
        let asked = bureau.asked_after(seconds(180)).await;
        assert_eq!(asked.seen.line(), line);
        // The first was for the negotiation, the second for the socket.
        assert_eq!(asked.bearer(), "Bearer token3");
        assert_eq!(asked.seen.header("content-length"), Some("0"));
        assert_eq!(asked.seen.header("x-tenant"), Some("blue"));
        assert!(asked.seen.body.is_empty());
        asked.say(status(200));
        in_time(connection.stop()).await;
    }
}

#[tokio::test]
async fn the_answer_says_when_the_next_is_due() {
    let _frozen = freeze();
    let mut bureau = Bureau::new(lifetime(360)).await;
    let (connection, mut told) = bureau.connected().await;
    let first = bureau.asked_after(seconds(180)).await;
    first.say(for_seconds(3600));
    assert_eq!(told.next().await, "refreshed for 3600 s");
    let second = bureau.asked_after(seconds(3300)).await;
    assert_eq!(second.bearer(), "Bearer token4");
    second.say(json(r#"{"tokenLifetimeSeconds":60,"more":{}}"#));
    assert_eq!(told.next().await, "refreshed for 60 s");
    bureau.asked_after(seconds(30)).await.say(json("{}"));
    assert_eq!(told.next().await, "refreshed");
    // Nothing is due any more, until somebody asks.
    pass(DAY).await;
    bureau.rests().await;
    let (by_hand, ()) = tokio::join!(in_time(connection.refresh_authentication()), async {
        bureau.asked().await.say(for_seconds(600));
    });
    assert_eq!(by_hand.expect("taken"), Some(seconds(600)));
    assert_eq!(told.next().await, "refreshed for 600 s");
    bureau.asked_after(seconds(300)).await.say(status(200));
}

#[tokio::test]
async fn an_answer_without_a_body_changes_nothing() {
    let _frozen = freeze();
    let mut bureau = Bureau::new(lifetime(3600)).await;
    let (connection, mut told) = bureau.connected().await;
    pass(seconds(300)).await;
    for act in [status(200), status(204), json("{}")] {
        let (by_hand, ()) = tokio::join!(in_time(connection.refresh_authentication()), async {
            bureau.asked().await.say(act);
        });
        assert_eq!(by_hand.expect("taken"), None);
        assert_eq!(told.next().await, "refreshed");
    }
    bureau.asked_after(seconds(3000)).await.say(status(200));
}

/// The token of the next request of the transport.
pub async fn bearer_of_a_send(connection: &HubConnection, bureau: &Bureau) -> String {
    let before = bureau.stand.seen().len();
    in_time(connection.send("a", ())).await.expect("queued");
    let sent = |seen: &Seen| {
        seen.method == "POST" && seen.target.ends_with("id=TOKEN") && seen.text().contains("\"a\"")
    };
    in_time(async {
        while !bureau.stand.seen()[before..].iter().any(sent) {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let seen = bureau.stand.seen();
    let last = seen.iter().rfind(|seen| sent(seen)).expect("sent");
    last.header("authorization").expect("a token").to_owned()
}

#[tokio::test]
async fn later_requests_have_the_token_that_was_taken_or_given_and_none_that_was_refused() {
    for offer in [POLLS, EVENTS] {
        let _frozen = freeze();
        let mut bureau = Bureau::answering(move |_| json(negotiation("", offer))).await;
        let (connection, _told) = bureau.connected().await;
        assert_eq!(
            bearer_of_a_send(&connection, &bureau).await,
            "Bearer token1"
        );
        for (act, asked_with, taken, sent_with) in [
            (status(403), "Bearer token2", false, "Bearer token1"),
            (status(200), "Bearer token3", true, "Bearer token3"),
            (json("<html>"), "Bearer token4", false, "Bearer token3"),
            (
                json(r#"{"accessToken":"a\nb"}"#),
                "Bearer token5",
                false,
                "Bearer token3",
            ),
            (
                json(r#"{"accessToken":"given"}"#),
                "Bearer token6",
                true,
                "Bearer given",
            ),
            (json("{}"), "Bearer token7", true, "Bearer given"),
            (
                json(r#"{"accessToken":"newer"}"#),
                "Bearer token8",
                true,
                "Bearer newer",
            ),
        ] {
            let (by_hand, ()) = tokio::join!(in_time(connection.refresh_authentication()), async {
                let asked = bureau.asked().await;
                assert_eq!(asked.bearer(), asked_with);
                asked.say(act);
            });
            assert_eq!(by_hand.is_ok(), taken, "{asked_with}");
            assert_eq!(bearer_of_a_send(&connection, &bureau).await, sent_with);
        }
        in_time(connection.stop()).await;
        tokio::time::resume();
    }
}

#[tokio::test]
async fn one_refresh_waits_for_the_other_and_makes_it_needless() {
    let _frozen = freeze();
    let mut bureau = Bureau::new(lifetime(60)).await;
    let (connection, _told) = bureau.connected().await;
    let other = connection.clone();
    let first = tokio::spawn(async move { other.refresh_authentication().await });
    let asked = bureau.asked().await;
    // It is due meanwhile, and somebody else calls too.
    pass(seconds(40)).await;
    let other = connection.clone();
    let second = tokio::spawn(async move { other.refresh_authentication().await });
    bureau.rests().await;
    asked.say(for_seconds(3600));
    bureau.asked().await.say(for_seconds(7200));
    for refreshed in [first, second] {
        let refreshed = in_time(refreshed).await.expect("no panic");
        refreshed.expect("taken");
    }
    bureau.asked_after(seconds(6900)).await.say(status(200));
}
