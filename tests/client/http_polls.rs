//! Long polling with servers that a test plays.

use std::{
    collections::VecDeque,
    future::ready,
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use signalr::HubConnectionBuilder;

use crate::{
    http_sockets::connected,
    stand::{Act, POLLS, Seen, Stand, answer, in_time, offering, status, streamed, until},
    support::Log,
};

type Acts = Arc<Mutex<VecDeque<Act>>>;

/// Answers polls with these, in order, and then not at all.
struct Stage {
    stand: Stand,
    acts: Acts,
}

const HANDSHAKE: &str = "{}\u{1e}";

fn data(text: impl Into<String>) -> Act {
    answer(200, "text/plain", text.into())
}

fn said(text: &str) -> String {
    format!("{{\"type\":1,\"target\":\"said\",\"arguments\":[\"{text}\"]}}\u{1e}")
}

impl Stage {
    async fn new(acts: impl IntoIterator<Item = Act>, delete: u16) -> Self {
        let acts: Acts = Arc::new(Mutex::new(acts.into_iter().collect()));
        let queue = Arc::clone(&acts);
        let stand = Stand::new(move |seen: Seen| {
            ready(match &*seen.method {
                "POST" if seen.is_negotiation() => offering(&[POLLS]),
                "GET" => {
                    let next = queue.lock().expect("not poisoned").pop_front();
                    next.unwrap_or(Act::Silence)
                }
                "DELETE" => status(delete),
                _ => status(200),
            })
        })
        .await;
        Self { stand, acts }
    }

    /// The first poll is answered at once, the second brings the handshake's answer.
    async fn with(acts: impl IntoIterator<Item = Act>) -> Self {
        let begin = [data(""), data(HANDSHAKE)];
        Self::new(begin.into_iter().chain(acts), 202).await
    }

    fn count(&self, method: &str) -> usize {
        let seen = self.stand.seen();
        seen.iter().filter(|seen| seen.method == method).count()
    }

    /// How the connection ends by itself.
    async fn end(&self, builder: HubConnectionBuilder) -> String {
        let (_connection, ends) = connected(builder).await;
        until(|| !ends.all().is_empty()).await;
        ends.all().remove(0)
    }
}

#[tokio::test]
async fn empty_answers_repeat_the_poll_and_bodies_are_data() {
    let (pieces, cut) = streamed("text/plain");
    for piece in [
        "{\"type\":1,\"target\":",
        "\"said\",\"argu",
        "ments\":[\"c\"]}\u{1e}",
    ] {
        pieces.send(Ok(piece.into())).expect("open");
    }
    drop(pieces);
    let two = said("d");
    let stage = Stage::with([
        data(""),
        data(said("a") + &said("b")),
        data(""),
        cut,
        // One message in two polls.
        data(&two[..20]),
        data(&two[20..]),
    ])
    .await;
    let log = Log::default();
    let noted = log.clone();
    let builder = stage.stand.client().on("said", move |text: String| {
        noted.note(text);
        ready(())
    });
    let connection = in_time(builder.connect()).await.expect("connected");
    until(|| log.all().len() == 4).await;
    assert_eq!(log.all(), ["a", "b", "c", "d"]);
    until(|| stage.count("GET") == 9).await;
    let targets: Vec<_> = stage.stand.seen()[1..]
        .iter()
        .map(|seen| seen.target.clone())
        .collect();
    assert!(targets.iter().all(|target| target == "/chat?id=TOKEN"));
    // No ping: the polls are signs of life.
    assert_eq!(stage.count("POST"), 2);
    drop(connection);
}

#[tokio::test]
async fn a_server_that_holds_no_poll_back_is_not_hammered() {
    let stand = Stand::new(|seen: Seen| {
        ready(match seen.is_negotiation() {
            true => offering(&[POLLS]),
            false => data(""),
        })
    })
    .await;
    let time = Duration::from_millis(1_200);
    let builder = stand.client().handshake_timeout(time);
    let error = in_time(builder.connect()).await.expect_err("no handshake");
    assert!(error.is_timeout(), "{error}");
    let polls = stand
        .seen()
        .iter()
        .filter(|seen| seen.method == "GET")
        .count();
    // The first, four without a pause, and then after 50, 100, 200, 400 and 800 ms.
    assert!((5..=9).contains(&polls), "{polls}");
}

#[tokio::test]
async fn a_204_is_the_servers_end_and_wants_no_delete() {
    let stage = Stage::with([data(said("a")), status(204)]).await;
    assert_eq!(stage.end(stage.stand.client()).await, "cleanly");
    assert_eq!((stage.count("GET"), stage.count("DELETE")), (4, 0));
}

#[tokio::test]
async fn other_answers_end_the_connection_with_an_error() {
    for code in [400, 401, 403, 404, 500] {
        let stage = Stage::with([status(code)]).await;
        let text = stage.end(stage.stand.client()).await;
        let expected = format!(
            "a poll at {} was answered with the status {code}",
            stage.stand.url()
        );
        assert_eq!((text, stage.count("DELETE")), (expected, 0));
        assert_eq!(stage.count("GET"), 3);
    }
}

#[tokio::test]
async fn the_first_poll_must_succeed() {
    let stage = Stage::new([status(404)], 202).await;
    let error = in_time(stage.stand.client().connect())
        .await
        .expect_err("refused");
    let expected = format!(
        "(LongPolling failed: a poll at {} was answered with the status 404)",
        stage.stand.url()
    );
    assert!(error.to_string().ends_with(&expected), "{error}");
    assert_eq!(stage.stand.seen().len(), 2);
}

#[tokio::test]
async fn a_body_that_breaks_off_or_stops_is_an_error() {
    let (pieces, act) = streamed("text/plain");
    pieces.send(Ok("{\"type\"".into())).expect("open");
    pieces.send(Err(io::ErrorKind::Other.into())).expect("open");
    let stage = Stage::with([act]).await;
    let text = stage.end(stage.stand.client()).await;
    assert_eq!(text, format!("a poll at {} failed", stage.stand.url()));

    let (pieces, act) = streamed("text/plain");
    pieces.send(Ok("{\"type\"".into())).expect("open");
    let stage = Stage::with([act]).await;
    let builder = stage
        .stand
        .client()
        .request_timeout(Duration::from_millis(250));
    let text = stage.end(builder).await;
    assert_eq!(
        text,
        format!(
            "a poll's rest at {} was not answered within the `request_timeout`: 250ms",
            stage.stand.url()
        )
    );
}

#[tokio::test]
async fn a_body_without_an_end_is_cut_off_at_the_receive_limit() {
    let (pieces, act) = streamed("text/plain");
    tokio::spawn(async move {
        while pieces.send(Ok("x".repeat(4096).into())).is_ok() {
            tokio::task::yield_now().await;
        }
    });
    let stage = Stage::with([act]).await;
    let text = stage
        .end(stage.stand.client().max_receive_size(10_000))
        .await;
    assert_eq!(
        text,
        "a message of the server is larger than the `max_receive_size` of 10000 bytes"
    );
    // We have left, so the server is told.
    until(|| stage.count("DELETE") == 1).await;
}

#[tokio::test]
async fn stop_ends_the_poll_and_tells_the_server_which_may_have_forgotten_us() {
    for code in [202, 404, 500] {
        let begin = [data(""), data(HANDSHAKE)];
        let stage = Stage::new(begin, code).await;
        let (connection, ends) = connected(stage.stand.client()).await;
        until(|| stage.count("GET") == 3).await;
        in_time(connection.stop()).await;
        until(|| ends.all() == ["cleanly"]).await;
        let lines = stage.stand.lines();
        let last = &lines[lines.len() - 2..];
        assert_eq!(last, ["POST /chat?id=TOKEN", "DELETE /chat?id=TOKEN"]);
        let goodbye = &stage.stand.seen()[lines.len() - 2];
        assert_eq!(goodbye.text(), "{\"type\":7}\u{1e}");
        assert!(stage.acts.lock().expect("not poisoned").is_empty());
    }
}

#[tokio::test]
async fn silence_is_no_time_out_and_no_reason_to_ping() {
    let stage = Stage::with([]).await;
    let builder = stage
        .stand
        .client()
        .keep_alive(Duration::from_millis(20))
        .server_timeout(Duration::from_millis(40));
    let (connection, ends) = connected(builder).await;
    // Nothing can be waited for where nothing is to happen.
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(ends.all(), [""; 0]);
    assert_eq!(connection.state(), signalr::HubConnectionState::Connected);
    // Negotiation and handshake.
    assert_eq!(stage.count("POST"), 2);
}
