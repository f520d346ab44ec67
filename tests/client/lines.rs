//! Messages that wait for their handlers, while somebody waits for the server.

use std::{future::ready, time::Duration};

use futures_util::StreamExt;
use signalr::HubConnectionState;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::mpsc,
    time::timeout,
};

use crate::{
    stand::until,
    support::{Actor, Log, Stage, in_both, message, settle},
    theatre::Theatre,
};

/// On paused time, longer than anything takes.
const LONG: Duration = Duration::from_secs(600);

fn numbers(count: usize) -> Vec<String> {
    (0..count).map(|number| number.to_string()).collect()
}

#[tokio::test(start_paused = true)]
async fn no_message_is_lost_while_a_call_waits_for_its_answer() {
    in_both(|connection, _| async move {
        let log = Log::default();
        let noted = log.clone();
        connection.on("shown", move |text: String| {
            let log = noted.clone();
            async move {
                tokio::time::sleep(Duration::from_millis(1)).await;
                log.note(text);
            }
        });
        let texts = numbers(4_000);
        let shown = connection.invoke::<()>("show", (&texts,)).await;
        shown.expect("shown");
        tokio::time::sleep(LONG).await;
        assert_eq!(log.all(), texts);
    })
    .await;
}

#[tokio::test]
async fn what_is_acknowledged_is_handled_while_a_call_waits() {
    let mut theatre = Theatre::new().await;
    let log = Log::default();
    let noted = log.clone();
    let builder = theatre.client().on("said", move |text: String| {
        let log = noted.clone();
        async move {
            tokio::time::sleep(Duration::from_millis(1)).await;
            log.note(text);
        }
    });
    let (connection, mut link) = theatre.connected(builder).await;
    let call = tokio::spawn(async move { connection.invoke::<()>("work", ()).await });
    link.hear().await;
    let texts = numbers(500);
    for text in &texts {
        link.said(text).await;
    }
    while link.hear_ack().await < 500 {}
    link.say(r#"{"type":3,"invocationId":"1"}"#).await;
    call.await.expect("no panic").expect("answered");
    until(|| log.all().len() == texts.len()).await;
    assert_eq!(log.all(), texts);
}

#[tokio::test(start_paused = true)]
async fn a_handler_may_read_a_stream_whose_items_stand_behind_messages() {
    in_both(|connection, _| async move {
        let (sender, mut done) = mpsc::unbounded_channel();
        let weak = connection.downgrade();
        connection.on("shown", move |text: String| {
            let (weak, sender) = (weak.clone(), sender.clone());
            async move {
                let connection = weak.upgrade().expect("the test has one");
                let items = connection.stream::<u32>("counter", (100,)).await;
                let items: Vec<_> = items.expect("opened").collect().await;
                assert!(items.iter().all(Result::is_ok) && items.len() == 100);
                sender.send(text).expect("the test waits");
            }
        });
        let texts = numbers(1_000);
        connection.send("show", (&texts,)).await.expect("sent");
        for text in texts {
            let next = timeout(LONG, done.recv()).await.expect("in time");
            assert_eq!(next, Some(text));
        }
    })
    .await;
}

/// A message of 64 KiB, more or less.
fn long(number: usize) -> String {
    message("shown", &format!(r#"{number},"{}""#, "x".repeat(64 * 1024)))
}

/// More than may wait.
const MANY: usize = 400;

/// Says all of them, as far as they are read, and pings from then on.
fn say_all(mut actor: Actor) {
    tokio::spawn(async move {
        for number in 0..MANY {
            actor.say(&long(number)).await;
        }
        loop {
            actor.say(r#"{"type":6}"#).await;
            tokio::time::sleep(Duration::from_secs(10)).await;
        }
    });
}

#[tokio::test(start_paused = true)]
async fn slow_handlers_slow_the_server_down_though_a_call_waits() {
    let (mut stage, builder) = Stage::new();
    let log = Log::default();
    let noted = log.clone();
    let builder = builder.on("shown", move |number: usize, _: String| {
        let log = noted.clone();
        async move {
            tokio::time::sleep(Duration::from_secs(25)).await;
            log.note(number.to_string());
        }
    });
    let (connection, mut actor) = Stage::connected(builder, &mut stage).await;
    let call = tokio::spawn({
        let connection = connection.clone();
        async move { connection.invoke::<()>("toil", ()).await }
    });
    actor.hear_call().await;
    say_all(actor);
    tokio::time::sleep(Duration::from_secs(26) * u32::try_from(MANY).expect("few")).await;
    assert!(!call.is_finished(), "the connection has ended");
    assert_eq!(log.all(), numbers(MANY));
}

#[tokio::test(start_paused = true)]
async fn a_line_that_does_not_move_ends_the_connection_and_loses_nothing_of_it() {
    let (mut stage, builder) = Stage::new();
    let (sender, mut closed) = mpsc::unbounded_channel();
    let log = Log::default();
    let noted = log.clone();
    let builder = builder.on_closed(move |error| {
        let sender = sender.clone();
        async move { sender.send(error).expect("the test waits") }
    });
    let (connection, mut actor) = Stage::connected(builder, &mut stage).await;
    let weak = connection.downgrade();
    connection.on("shown", move |number: usize, text: String| {
        let (log, weak) = (noted.clone(), weak.clone());
        async move {
            let connection = weak.upgrade().expect("the test has one");
            let answer = connection.invoke::<()>("never", ()).await;
            answer.expect_err("never");
            assert_eq!(text.len(), 64 * 1024);
            log.note(number.to_string());
        }
    });
    actor.say(&long(0)).await;
    actor.hear_call().await;
    let begun = tokio::time::Instant::now();
    tokio::spawn(async move {
        for number in 1..MANY {
            let said = format!("{}\u{1e}", long(number));
            if actor.io.write_all(said.as_bytes()).await.is_err() {
                return;
            }
        }
    });
    let error = timeout(LONG, closed.recv()).await.expect("in time");
    let error = error.flatten().expect("a reason");
    assert!(error.is_timeout());
    assert_eq!(
        error.to_string(),
        "16 MiB of messages waited for their handlers, and none of these ended within the `server_timeout` of 30s, while an \
         answer of the server was waited for"
    );
    assert!((30..=40).contains(&begun.elapsed().as_secs()));
    tokio::time::sleep(LONG).await;
    let handled = log.all();
    assert!((250..300).contains(&handled.len()), "{}", handled.len());
    assert_eq!(handled, numbers(handled.len()));
}

#[tokio::test(start_paused = true)]
async fn an_unread_stream_holds_all_up_but_pings_and_loses_nothing() {
    const ITEMS: u32 = 10_000;
    let (mut stage, builder) = Stage::new();
    let log = Log::default();
    let noted = log.clone();
    let builder = builder.on("shown", move |number: u32| {
        noted.note(number.to_string());
        ready(())
    });
    let (connection, mut actor) = Stage::connected(builder, &mut stage).await;
    let mut unread = connection.stream::<u32>("first", ()).await.expect("opened");
    actor.hear_call().await;
    let (mut from, mut to) = tokio::io::split(actor.io);
    tokio::spawn(async move {
        let items =
            (0..ITEMS).map(|item| format!(r#"{{"type":2,"invocationId":"1","item":{item}}}"#));
        for said in items.chain([message("shown", "5")]) {
            let said = format!("{said}\u{1e}");
            to.write_all(said.as_bytes()).await.expect("open");
        }
        std::future::pending::<()>().await;
    });
    let heard = tokio::spawn(async move {
        let mut heard = Vec::new();
        let listening = async { while from.read_buf(&mut heard).await.expect("open") > 0 {} };
        timeout(LONG, listening).await.expect_err("it goes on");
        (String::from_utf8(heard).expect("JSON"), from)
    });
    let (heard, _from) = heard.await.expect("no panic");
    let pings = heard.matches(r#"{"type":6}"#).count();
    assert!((35..=40).contains(&pings), "{pings} pings in {LONG:?}");
    assert_eq!(connection.state(), HubConnectionState::Connected);
    assert_eq!(log.all(), [""; 0]);
    for item in 0..ITEMS {
        assert_eq!(
            unread.next().await.expect("an item").expect("a number"),
            item
        );
    }
    settle().await;
    assert_eq!(log.all(), ["5"]);
}

#[tokio::test(start_paused = true)]
async fn a_loss_behind_an_unread_stream_is_noticed_by_the_next_ping() {
    let (mut stage, builder) = Stage::new();
    let (connection, mut actor) = Stage::connected(builder, &mut stage).await;
    let _unread = connection.stream::<u32>("first", ()).await.expect("opened");
    actor.hear_call().await;
    let filling = async {
        loop {
            actor.say(r#"{"type":2,"invocationId":"1","item":1}"#).await;
        }
    };
    timeout(Duration::from_secs(1), filling)
        .await
        .expect_err("nobody reads");
    drop(actor);
    let begun = tokio::time::Instant::now();
    let mut states = connection.states();
    let lost = states.wait_for(|state| *state == HubConnectionState::Disconnected);
    timeout(LONG, lost).await.expect("in time").expect("kept");
    assert!(
        begun.elapsed() < Duration::from_secs(17),
        "{:?}",
        begun.elapsed()
    );
}
