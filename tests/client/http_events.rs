//! Server-Sent Events from servers that a test plays, and sends by POST.

use std::{
    future::ready,
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use signalr::HubConnectionState;
use tokio::sync::Semaphore;

use crate::{
    http_sockets::connected,
    stand::{EVENTS, Pieces, Seen, Stand, answer, in_time, offering, status, streamed, until},
    support::Log,
};

/// A server whose events a test writes.
struct Stage {
    stand: Stand,
    events: Arc<Mutex<Option<Pieces>>>,
    /// Each POST takes one before it is answered.
    permits: Arc<Semaphore>,
    /// What POSTs are answered with.
    code: Arc<Mutex<u16>>,
}

impl Stage {
    async fn new() -> Self {
        let events = Arc::<Mutex<Option<Pieces>>>::default();
        let (permits, code) = (Arc::new(Semaphore::new(1_000)), Arc::new(Mutex::new(200)));
        let (kept, gate, answer) = (Arc::clone(&events), Arc::clone(&permits), Arc::clone(&code));
        let stand = Stand::new(move |seen: Seen| {
            let (kept, gate, answer) = (Arc::clone(&kept), Arc::clone(&gate), Arc::clone(&answer));
            async move {
                if seen.is_negotiation() {
                    return offering(&[EVENTS]);
                }
                if seen.is_stream() {
                    let (pieces, act) = streamed("text/event-stream; charset=utf-8");
                    pieces
                        .send(Ok("data: {}\u{1e}\r\n\r\n".into()))
                        .expect("open");
                    *kept.lock().expect("not poisoned") = Some(pieces);
                    return act;
                }
                gate.acquire().await.expect("open").forget();
                status(*answer.lock().expect("not poisoned"))
            }
        })
        .await;
        Self {
            stand,
            events,
            permits,
            code,
        }
    }

    fn write(&self, text: &str) {
        let events = self.events.lock().expect("not poisoned");
        let pieces = events.as_ref().expect("a stream");
        pieces.send(Ok(text.to_owned().into())).expect("open");
    }

    /// What was posted so far.
    fn posts(&self) -> Vec<String> {
        let seen = self.stand.seen();
        let posts = seen
            .iter()
            .filter(|seen| seen.line() == "POST /chat?id=TOKEN");
        posts.map(Seen::text).collect()
    }
}

fn said(text: &str) -> String {
    format!("{{\"type\":1,\"target\":\"said\",\"arguments\":[\"{text}\"]}}\u{1e}")
}

#[tokio::test]
async fn events_come_in_any_shape_and_cut() {
    let stage = Stage::new().await;
    let log = Log::default();
    let noted = log.clone();
    let builder = stage.stand.client().on("said", move |text: String| {
        noted.note(text);
        ready(())
    });
    let _connection = in_time(builder.connect()).await.expect("connected");
    // Several events in one piece, with comments and fields that do not matter.
    let two = format!(
        ": hello\n\nevent: x\ndata: {}\n\ndata:{}\r\n\r\n",
        said("a"),
        said("b")
    );
    stage.write(&two);
    // Two messages in one event, and one in two events.
    let three = said("e");
    stage.write(&format!("data: {}{}\n\n", said("c"), said("d")));
    stage.write(&format!(
        "data: {}\n\ndata: {}\n\n",
        &three[..20],
        &three[20..]
    ));
    // Several lines of data, which JSON takes as white space between tokens.
    let lines = said("f").replace(",\"target\"", ",\ndata: \"target\"");
    stage.write(&format!("data: {lines}\n\n"));
    // One event in many pieces.
    for byte in format!("data: {}\r\n\r\n", said("g")).bytes() {
        stage.write(std::str::from_utf8(&[byte]).expect("ASCII"));
    }
    until(|| log.all().len() == 7).await;
    assert_eq!(log.all(), ["a", "b", "c", "d", "e", "f", "g"]);
}

#[tokio::test]
async fn the_end_of_the_stream_is_the_end_of_the_connection_and_half_an_event_is_nothing() {
    let stage = Stage::new().await;
    let (connection, ends) = connected(stage.stand.client()).await;
    stage.write(&format!("data: {}\n", said("never")));
    *stage.events.lock().expect("not poisoned") = None;
    until(|| !ends.all().is_empty()).await;
    assert_eq!(ends.all(), ["cleanly"]);
    assert_eq!(connection.state(), HubConnectionState::Disconnected);
}

#[tokio::test]
async fn a_stream_that_is_cut_off_is_an_error() {
    let stage = Stage::new().await;
    let (_connection, ends) = connected(stage.stand.client()).await;
    {
        let events = stage.events.lock().expect("not poisoned");
        let pieces = events.as_ref().expect("a stream");
        pieces.send(Err(io::ErrorKind::Other.into())).expect("open");
    }
    until(|| !ends.all().is_empty()).await;
    let text = format!("the event stream at {} failed", stage.stand.url());
    assert_eq!(ends.all(), [text]);
}

#[tokio::test]
async fn an_event_without_an_end_is_cut_off() {
    let stage = Stage::new().await;
    let builder = stage.stand.client().max_receive_size(1000);
    let (_connection, ends) = connected(builder).await;
    let line = format!("data: {}\n", "x".repeat(64 * 1024));
    let limit = 1000 + 1024 * 1024;
    for _ in 0..(limit / line.len() + 2) {
        stage.write(&line);
    }
    until(|| !ends.all().is_empty()).await;
    assert_eq!(
        ends.all(),
        [
            "an event has too many bytes, more than the `max_receive_size` of 1000 bytes and 1 MiB for messages that come along"
        ]
    );
}

#[tokio::test]
async fn what_is_no_event_stream_does_not_start() {
    let stand = Stand::new(|seen: Seen| {
        ready(match seen.is_negotiation() {
            true => offering(&[EVENTS]),
            false => answer(200, "text/html", "<html>"),
        })
    })
    .await;
    let error = in_time(stand.client().connect()).await.expect_err("a page");
    let expected = format!(
        "(ServerSentEvents failed: the event stream at {} failed: the content type is text/html instead of text/event-stream)",
        stand.url()
    );
    assert!(error.to_string().ends_with(&expected), "{error}");
}

#[tokio::test]
async fn posts_go_one_by_one_and_take_along_what_waits() {
    let stage = Stage::new().await;
    let (connection, _) = connected(stage.stand.client()).await;
    until(|| stage.posts().len() == 2).await;
    // The handshake, and the first ping.
    assert_eq!(
        stage.posts(),
        [
            "{\"protocol\":\"json\",\"version\":1}\u{1e}",
            "{\"type\":6}\u{1e}"
        ]
    );
    let taken = stage.permits.available_permits();
    stage.permits.forget_permits(taken);
    let message =
        |number: u32| format!("{{\"type\":1,\"target\":\"a\",\"arguments\":[{number}]}}\u{1e}");
    connection.send("a", (0,)).await.expect("sent");
    until(|| stage.posts().len() == 3).await;
    for number in 1..=50 {
        connection.send("a", (number,)).await.expect("sent");
    }
    // The first is not answered, so nothing else is on its way.
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(stage.posts().len(), 3);
    stage.permits.add_permits(10);
    until(|| stage.posts().len() == 4).await;
    assert_eq!(stage.posts()[2], message(0));
    assert_eq!(stage.posts()[3], (1..=50).map(message).collect::<String>());
}

#[tokio::test]
async fn a_failing_post_ends_the_connection_with_its_error() {
    for code in [400, 403, 404, 500] {
        let stage = Stage::new().await;
        let (connection, ends) = connected(stage.stand.client()).await;
        until(|| stage.posts().len() == 2).await;
        *stage.code.lock().expect("not poisoned") = code;
        let call = connection.invoke::<()>("a", ());
        let error = in_time(call).await.expect_err("it ends");
        let text = format!(
            "a send at {} was answered with the status {code}",
            stage.stand.url()
        );
        assert_eq!(error.to_string(), text);
        assert_eq!(error.is_unauthorized(), code == 403);
        until(|| !ends.all().is_empty()).await;
        assert_eq!(ends.all(), [text]);
        assert_eq!(stage.posts().len(), 3);
    }
}

#[tokio::test]
async fn a_post_that_is_not_answered_ends_the_connection_in_time() {
    let stage = Stage::new().await;
    let builder = stage
        .stand
        .client()
        .request_timeout(Duration::from_millis(250));
    let (connection, ends) = connected(builder).await;
    until(|| stage.posts().len() == 2).await;
    let taken = stage.permits.available_permits();
    stage.permits.forget_permits(taken);
    connection.send("a", ()).await.expect("sent");
    until(|| !ends.all().is_empty()).await;
    let text = format!(
        "a send at {} was not answered within the `request_timeout`: 250ms",
        stage.stand.url()
    );
    assert_eq!(ends.all(), [text]);
}

#[tokio::test]
async fn stop_posts_the_goodbye_and_hangs_up() {
    let stage = Stage::new().await;
    let (connection, ends) = connected(stage.stand.client()).await;
    until(|| stage.posts().len() == 2).await;
    in_time(connection.stop()).await;
    assert_eq!(stage.posts().last().expect("some"), "{\"type\":7}\u{1e}");
    until(|| ends.all() == ["cleanly"]).await;
    let hung_up = {
        let events = stage.events.lock().expect("not poisoned");
        events.clone().expect("a stream")
    };
    until(|| hung_up.is_closed()).await;
}
