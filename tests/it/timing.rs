//! Pings and time-outs, with the intervals of the hardening list: a ping after one second, the end after three.

use std::time::Duration;

use serde_json::json;
use signalr::{Context, Error, HubServer, hub};
use tokio::time::Instant;

use crate::support::{Log, PING, Peer, since, soon, wait};

struct Watch(Log);

#[hub]
impl Watch {
    async fn on_disconnected(&self, _: &Context<Self>, reason: Option<&Error>) {
        let timed_out = reason.is_some_and(Error::is_timeout);
        self.0.note(format!("timed out: {timed_out}"));
    }

    pub fn answer(&self) -> u8 {
        1
    }

    /// Runs for a while.
    pub async fn work(&self, millis: u64) {
        wait(millis).await;
    }

    /// Tells the caller something after a while.
    pub async fn remind(&self, cx: &Context<Self>, millis: u64) {
        wait(millis).await;
        let caller = cx.clients().caller();
        caller.send("reminded", ()).await.expect("sent");
    }
}

fn quick() -> (HubServer<Watch>, Log) {
    let log = Log::default();
    let server = HubServer::builder(Watch(log.clone()))
        .keep_alive(Duration::from_secs(1))
        .client_timeout(Duration::from_secs(3))
        .build()
        .expect("valid options");
    (server, log)
}

/// Frames until the end, each with its time.
async fn watch(peer: &mut Peer, start: Instant) -> Vec<(u64, String)> {
    let mut frames = Vec::new();
    while let Some(frame) = soon(peer.frame()).await {
        frames.push((since(start), frame));
    }
    frames
}

#[tokio::test(start_paused = true)]
async fn a_silent_reader_is_pinged_each_second_and_given_up_after_three() {
    let (server, log) = quick();
    let start = Instant::now();
    let mut peer = Peer::connect(&server).await;
    let frames = watch(&mut peer, start).await;
    let (last, pings) = frames.split_last().expect("frames");
    assert!(pings.len() >= 2, "{frames:?}");
    for (index, (at, frame)) in pings.iter().enumerate() {
        assert_eq!(frame, PING);
        let due = 1_000 * (index as u64 + 1);
        assert!(
            at.abs_diff(due) <= 200 * (index as u64 + 1),
            "ping {index} at {at}"
        );
    }
    let (at, close) = last;
    assert_eq!(
        close,
        r#"{"type":7,"error":"Connection closed with an error.","allowReconnect":true}"#
    );
    assert!((3_000..=4_000).contains(at), "closed at {at}");
    assert_eq!(log.all(), ["timed out: true"]);
}

#[tokio::test(start_paused = true)]
async fn a_chatty_client_is_pinged_all_the_same() {
    let (server, _) = quick();
    let mut peer = Peer::connect(&server).await;
    for _ in 0..50 {
        peer.send(PING).await;
        wait(100).await;
    }
    peer.call("end", "answer", json!([])).await;
    let mut pings = 0;
    while peer.frame().await.expect("open") == PING {
        pings += 1;
    }
    assert!((4..=5).contains(&pings), "{pings} pings in five seconds");
}

#[tokio::test(start_paused = true)]
async fn a_message_to_the_client_puts_the_ping_off_by_a_whole_interval() {
    let (server, _) = quick();
    let start = Instant::now();
    let mut peer = Peer::connect(&server).await;
    peer.tell("remind", json!([900])).await;
    let message = peer.frame().await.expect("open");
    assert!(message.contains("reminded"), "no ping before: {message}");
    let sent = since(start);
    assert_eq!(peer.frame().await.as_deref(), Some(PING));
    let pinged = since(start) - sent;
    assert!((800..=1_200).contains(&pinged), "pinged {pinged} ms later");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_pings_every_two_seconds_stays() {
    let (server, log) = quick();
    let mut peer = Peer::connect(&server).await;
    for _ in 0..30 {
        peer.send(PING).await;
        wait(2_000).await;
    }
    assert_eq!(peer.invoke("answer", json!([])).await, 1);
    assert!(log.all().is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_default_ping_comes_after_fifteen_seconds_and_the_end_after_thirty() {
    let server = HubServer::new(Watch(Log::default()));
    let start = Instant::now();
    let mut peer = Peer::connect(&server).await;
    let frames = watch(&mut peer, start).await;
    let (last, pings) = frames.split_last().expect("frames");
    assert!((14_000..=16_000).contains(&pings[0].0), "{frames:?}");
    assert!((30_000..=32_000).contains(&last.0), "{frames:?}");
}

#[tokio::test(start_paused = true)]
async fn detailed_errors_say_why_the_client_was_given_up() {
    let server = HubServer::builder(Watch(Log::default()))
        .detailed_errors(true)
        .build()
        .expect("valid options");
    let mut peer = Peer::connect(&server).await;
    assert_eq!(
        peer.text().await,
        r#"{"type":7,"error":"Connection closed with an error. OperationCanceledException: Client hasn't sent a message/ping within the configured ClientTimeoutInterval.","allowReconnect":true}"#
    );
}

/// Calls of 30 KiB in front of the only slot fill the waiting queue, and reading stops.
#[tokio::test(start_paused = true)]
async fn silence_does_not_count_while_the_server_does_not_read() {
    let (server, log) = quick();
    let mut peer = Peer::connect(&server).await;
    peer.call("slow", "work", json!([10_000])).await;
    let filler = " ".repeat(30 * 1_024);
    for id in 0..4 {
        let call = format!(
            r#"{{"type":1,"invocationId":"{id}","target":"answer","arguments":[]{filler}}}"#
        );
        peer.send(&call).await;
    }
    assert_eq!(peer.completion("slow").await, json!(null));
    for id in 0..4 {
        assert_eq!(peer.completion(&id.to_string()).await, 1);
    }
    assert!(log.all().is_empty(), "not given up in ten seconds of work");
}

#[tokio::test(start_paused = true)]
async fn a_long_call_is_not_cut_short() {
    let server = HubServer::new(Watch(Log::default()));
    let mut peer = Peer::connect(&server).await;
    peer.call("long", "work", json!([3_600_000])).await;
    for _ in 0..360 {
        wait(10_000).await;
        peer.send(PING).await;
    }
    assert_eq!(peer.completion("long").await, json!(null));
}
