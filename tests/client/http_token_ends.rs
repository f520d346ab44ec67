//! Connections that are closed while the access token provider is busy.

use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use signalr::{HubConnection, HubConnectionBuilder, WeakHubConnection};
use tokio::sync::watch;

use crate::{
    http_sockets::connected,
    stand::{Act, EVENTS, POLLS, Seen, Stand, answer, in_time, offering, status, streamed, until},
};

const HANDSHAKE: &str = "{}\u{1e}";
const GOODBYE: &str = "{\"type\":7}\u{1e}";

/// Longer than any test waits.
const HOUR: Duration = Duration::from_secs(3600);

/// A server that takes a connection, and refuses its first token for these requests; polls have a number.
async fn stand(offer: &'static str, refused: fn(&Seen, usize) -> bool) -> Stand {
    let polls = Arc::new(AtomicUsize::new(0));
    Stand::new(move |seen: Seen| {
        let is_poll = seen.method == "GET" && !seen.is_stream();
        let number = if is_poll {
            polls.fetch_add(1, Relaxed)
        } else {
            0
        };
        let is_first = seen.header("authorization") == Some("Bearer token1");
        std::future::ready(if seen.is_negotiation() {
            offering(&[offer])
        } else if is_first && refused(&seen, number) {
            status(401)
        } else if seen.is_stream() {
            let (pieces, act) = streamed("text/event-stream");
            let begin = format!("data: {HANDSHAKE}\r\n\r\n");
            pieces.send(Ok(begin.into())).expect("open");
            tokio::spawn(async move { pieces.closed().await });
            act
        } else {
            match (is_poll, number) {
                (true, 1) => answer(200, "text/plain", HANDSHAKE),
                (true, 2..) => Act::Silence,
                _ => status(200),
            }
        })
    })
    .await
}

/// A provider that gives one token, and in place of the next stops the connection that it is shown.
struct Busy {
    builder: HubConnectionBuilder,
    asked: Arc<AtomicUsize>,
    shown: watch::Sender<Option<WeakHubConnection>>,
}

impl Busy {
    fn new(stand: &Stand) -> Self {
        let asked = Arc::new(AtomicUsize::new(0));
        let (shown, stopped) = watch::channel::<Option<WeakHubConnection>>(None);
        let count = Arc::clone(&asked);
        let builder = stand.client().close_timeout(HOUR).access_token(move || {
            let is_first = count.fetch_add(1, Relaxed) == 0;
            let mut stopped = stopped.clone();
            async move {
                if !is_first {
                    let weak = stopped.wait_for(Option::is_some).await?.clone();
                    let connection = weak.and_then(|weak| weak.upgrade());
                    connection.expect("kept by the test").stop().await;
                    pending::<()>().await;
                }
                Ok(Some("token1".to_owned()))
            }
        });
        Self {
            builder,
            asked,
            shown,
        }
    }
}

fn bodies(stand: &Stand) -> Vec<String> {
    let seen = stand.seen();
    let posts = seen.iter().filter(|seen| seen.method == "POST");
    posts.map(Seen::text).collect()
}

fn deletes(stand: &Stand) -> usize {
    let seen = stand.seen();
    seen.iter().filter(|seen| seen.method == "DELETE").count()
}

/// Ends the connection when the provider is asked for another token.
async fn end(
    stand: &Stand,
    stops_itself: bool,
    begin: impl AsyncFnOnce(&HubConnection),
) -> Arc<AtomicUsize> {
    let Busy {
        builder,
        asked,
        shown,
    } = Busy::new(stand);
    let (connection, ends) = connected(builder).await;
    begin(&connection).await;
    until(|| asked.load(Relaxed) == 2).await;
    if stops_itself {
        shown.send_replace(Some(connection.downgrade()));
    } else {
        in_time(connection.stop()).await;
    }
    until(|| ends.all() == ["cleanly"]).await;
    asked
}

#[tokio::test]
async fn a_goodbye_does_not_wait_for_the_token_of_a_poll() {
    for stops_itself in [false, true] {
        let stand = stand(POLLS, |_, number| number == 2).await;
        let asked = end(&stand, stops_itself, async |_| {}).await;
        assert_eq!(bodies(&stand).last().expect("a goodbye"), GOODBYE);
        assert_eq!((deletes(&stand), asked.load(Relaxed)), (1, 2));
    }
}

#[tokio::test]
async fn the_end_does_not_wait_for_the_token_of_a_call() {
    for (offer, told) in [(POLLS, 1), (EVENTS, 0)] {
        for stops_itself in [false, true] {
            let stand = stand(offer, |seen, _| seen.text().contains("told")).await;
            let call = async |connection: &HubConnection| {
                connection.send("told", ()).await.expect("queued");
            };
            let asked = end(&stand, stops_itself, call).await;
            assert_eq!((deletes(&stand), asked.load(Relaxed)), (told, 2));
        }
    }
}

#[tokio::test]
async fn the_end_does_not_wait_long_for_the_token_of_a_goodbye() {
    for (offer, told) in [(POLLS, 1), (EVENTS, 0)] {
        let stand = stand(offer, |seen, _| seen.text().ends_with(GOODBYE)).await;
        let busy = Busy::new(&stand);
        let (connection, ends) = connected(busy.builder).await;
        in_time(connection.stop()).await;
        until(|| ends.all() == ["cleanly"]).await;
        assert_eq!((deletes(&stand), busy.asked.load(Relaxed)), (told, 2));
    }
}

#[tokio::test]
async fn a_refused_goodbye_is_repeated_with_a_new_token() {
    for offer in [POLLS, EVENTS] {
        let stand = stand(offer, |seen, _| seen.text().ends_with(GOODBYE)).await;
        let asked = AtomicUsize::new(0);
        let builder = stand.client().access_token(move || {
            let number = asked.fetch_add(1, Relaxed) + 1;
            async move { Ok(Some(format!("token{number}"))) }
        });
        let (connection, _ends) = connected(builder).await;
        in_time(connection.stop()).await;
        let seen = stand.seen();
        let goodbyes: Vec<_> = seen
            .iter()
            .filter(|seen| seen.text().ends_with(GOODBYE))
            .map(|seen| seen.header("authorization").expect("a token"))
            .collect();
        assert_eq!(goodbyes, ["Bearer token1", "Bearer token2"], "{offer}");
    }
}
