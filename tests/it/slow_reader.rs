//! Clients that stop reading: bounded memory, a bounded wait, and nobody else is harmed.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use futures_util::Stream;
use serde_json::json;
use signalr::{Context, Error, HubError, HubServer, HubServerBuilder, hub};
use tokio::time::Instant;

use crate::support::{Encoding, Log, PING, Peer, settle, since, soon, wait};

#[derive(Clone, Default)]
struct Feed {
    log: Log,
    runs: Arc<AtomicUsize>,
}

#[hub]
impl Feed {
    async fn on_disconnected(&self, _: &Context<Self>, reason: Option<&Error>) {
        let reason = reason.map_or_else(String::new, |reason| {
            format!(
                "{} {reason}",
                if reason.is_timeout() { "timeout:" } else { "" }
            )
        });
        self.log.note(reason);
    }

    pub async fn tell_all(
        &self,
        cx: &Context<Self>,
        size: usize,
        times: u32,
    ) -> Result<u32, HubError> {
        let text = "x".repeat(size);
        for number in 0..times {
            cx.clients().all().send("news", (number, &text)).await?;
        }
        Ok(times)
    }

    /// Takes a moment, and answers at length.
    pub async fn big(&self, size: usize) -> String {
        tokio::task::yield_now().await;
        self.runs.fetch_add(1, SeqCst);
        "x".repeat(size)
    }

    pub fn stream(&self, size: usize) -> impl Stream<Item = String> + use<> {
        let runs = Arc::clone(&self.runs);
        futures_util::stream::iter(0..100).map_items(move |_| {
            runs.fetch_add(1, SeqCst);
            "x".repeat(size)
        })
    }

    pub fn fine(&self) -> u8 {
        1
    }
}

/// `StreamExt::map` under a name that reads well in a signature.
trait MapItems: Stream + Sized {
    fn map_items<T>(self, map: impl FnMut(Self::Item) -> T) -> impl Stream<Item = T> {
        futures_util::StreamExt::map(self, map)
    }
}

impl<S: Stream> MapItems for S {}

fn builder(hub: &Feed) -> HubServerBuilder<Feed> {
    HubServer::builder(hub.clone())
}

const KIB: usize = 1_024;

impl Peer {
    /// Hears this piece of news, without looking at all of its text.
    async fn expect_news(&mut self, number: u32) {
        let encoding = Encoding::of_this_test();
        let empty = format!(r#"{{"type":1,"target":"news","arguments":[{number},""]}}"#);
        let (empty, ping) = (encoding.frame(&empty), encoding.frame(PING));
        let (head, ping) = match encoding {
            // What is left out: the end of the text and all behind it, and the separator of the ping.
            Encoding::Json => (&empty[..empty.len() - 4], &ping[..ping.len() - 1]),
            // The lengths of the frames, the text and the list of streams behind it.
            Encoding::MessagePack => (&empty[1..empty.len() - 2], &ping[1..]),
        };
        loop {
            let news = self.body().await.expect("the connection is open");
            if news != ping {
                return assert!(news.starts_with(head), "no news of {number}");
            }
        }
    }
}

#[apply(both_encodings)]
async fn a_client_that_stops_reading_is_dropped_and_everybody_else_hears_everything() {
    let hub = Feed::default();
    let server = builder(&hub).build().expect("valid");
    let mut caller = Peer::connect(&server).await;
    let mut reader = Peer::connect(&server).await;
    let stuck = Peer::connect_with(&server, 16 * KIB).await;
    let start = Instant::now();
    caller.call("1", "tellAll", json!([20 * KIB, 4_000])).await;
    let reading = tokio::spawn(async move {
        for number in 0..4_000 {
            reader.expect_news(number).await;
        }
        reader
    });
    for number in 0..4_000 {
        caller.expect_news(number).await;
    }
    assert_eq!(caller.completion("1").await, 4_000);
    let reader = reading.await.expect("the reader hears all");
    let after = since(start);
    assert!((10_000..=12_000).contains(&after), "done after {after} ms");
    // What is left of it is cut off within the time for closing.
    wait(6_000).await;
    assert_eq!(
        hub.log.all(),
        ["timeout: the peer took nothing for the `send_timeout` of 10s"]
    );
    assert_eq!(server.connection_count(), 2);
    drop((stuck, reader));
}

#[apply(both_encodings)]
async fn the_others_hear_a_message_before_the_sender_is_let_go() {
    let hub = Feed::default();
    let server = builder(&hub)
        .send_queue_limit(10 * KIB)
        .build()
        .expect("valid");
    let mut reader = Peer::connect(&server).await;
    let _stuck = Peer::connect_with(&server, 64).await;
    let context = server.context();
    let start = Instant::now();
    let sender = tokio::spawn(async move {
        let text = "x".repeat(6 * KIB);
        for number in 0..3 {
            let all = context.clients().all();
            all.send("news", (number, &text))
                .await
                .expect("no error for the sender");
        }
        since(start)
    });
    // The third finds twelve KiB unsent, and waits; the others have it nevertheless.
    for number in 0..3 {
        assert_eq!(reader.heard("news").await[0], number);
    }
    assert_eq!(since(start), 0);
    settle().await;
    assert!(!sender.is_finished());
    let after = soon(sender).await.expect("no panic");
    assert!(
        (10_000..=11_100).contains(&after),
        "let go after {after} ms"
    );
}

#[apply(both_encodings)]
async fn a_sender_goes_on_when_the_client_reads_again() {
    let server = builder(&Feed::default())
        .send_queue_limit(KIB)
        .build()
        .expect("valid");
    let mut slow = Peer::connect_with(&server, 64).await;
    let context = server.context();
    let sender = tokio::spawn(async move {
        for number in 0..100 {
            let text = "x".repeat(300);
            let all = context.clients().all();
            all.send("news", (number, text)).await.expect("sent");
        }
    });
    wait(8_000).await;
    assert!(!sender.is_finished());
    for number in 0..100 {
        assert_eq!(slow.heard("news").await[0], number);
    }
    soon(sender).await.expect("no panic");
    assert_eq!(slow.invoke("fine", json!([])).await, 1);
}

#[apply(both_encodings)]
async fn all_senders_that_wait_for_a_client_are_let_go_when_it_is_dropped_or_leaves() {
    for leaves in [false, true] {
        let hub = Feed::default();
        let server = builder(&hub).send_queue_limit(100).build().expect("valid");
        let stuck = Peer::connect_with(&server, 64).await;
        let mut senders = Vec::new();
        for _ in 0..50 {
            let context = server.context();
            senders.push(tokio::spawn(async move {
                let text = "x".repeat(200);
                context.clients().all().send("news", (text,)).await
            }));
        }
        wait(5_000).await;
        assert_eq!(
            senders.iter().filter(|sender| sender.is_finished()).count(),
            1
        );
        let start = Instant::now();
        if leaves {
            stuck.leave().await;
        }
        for sender in senders {
            soon(sender)
                .await
                .expect("no panic")
                .expect("no error for the sender");
        }
        let after = since(start);
        let expected = if leaves { 0..=0 } else { 4_000..=6_100 };
        assert!(expected.contains(&after), "let go after {after} ms");
    }
}

#[apply(both_encodings)]
async fn one_message_larger_than_the_queue_limit_passes() {
    let server = builder(&Feed::default())
        .send_queue_limit(1)
        .build()
        .expect("valid");
    let mut peer = Peer::connect_with(&server, 1_000).await;
    peer.call("1", "tellAll", json!([500 * KIB, 2])).await;
    for number in 0..2 {
        let arguments = peer.heard("news").await;
        assert_eq!(arguments[0], number);
        assert_eq!(arguments[1].as_str().map(str::len), Some(500 * KIB));
    }
    assert_eq!(peer.completion("1").await, 2);
}

#[apply(both_encodings)]
async fn a_client_that_reads_slowly_but_steadily_is_kept() {
    let hub = Feed::default();
    let server = builder(&hub)
        .send_timeout(Duration::from_secs(2))
        .send_queue_limit(KIB)
        .build()
        .expect("valid");
    let mut slow = Peer::connect_with(&server, 400).await;
    slow.call("1", "tellAll", json!([300, 40])).await;
    let start = Instant::now();
    for number in 0..40 {
        wait(300).await;
        assert_eq!(slow.heard("news").await[0], number);
    }
    assert_eq!(slow.completion("1").await, 40);
    // What queues up behind a batch goes out when the batch has been read, not with the next ping.
    assert!(since(start) < 13_000, "{} ms", since(start));
    assert_eq!(hub.log.all(), [""; 0]);
}

#[apply(both_encodings)]
async fn calls_stop_running_while_their_answers_are_not_read() {
    let hub = Feed::default();
    let server = builder(&hub).build().expect("valid");
    let mut stuck = Peer::connect_with(&server, 4 * KIB).await;
    for number in 0..500 {
        let call = json!({"type": 1, "invocationId": number.to_string(), "target": "big", "arguments": [100 * KIB]});
        let frame = Encoding::of_this_test().frame(&call.to_string());
        let write = stuck.try_send_bytes(&frame);
        let tenth = Duration::from_millis(100);
        if tokio::time::timeout(tenth, write).await.is_err() {
            break;
        }
    }
    wait(1_000).await;
    // The queue takes 64 KiB, and one message beyond.
    let runs = hub.runs.load(SeqCst);
    assert!(runs <= 2, "{runs} answers of 100 KiB are in memory");
}

#[apply(both_encodings)]
async fn streams_stop_while_their_items_are_not_read() {
    let hub = Feed::default();
    let server = builder(&hub).build().expect("valid");
    let mut stuck = Peer::connect_with(&server, 4 * KIB).await;
    for number in 0..10 {
        stuck
            .send(&format!(
                r#"{{"type":4,"invocationId":"{number}","target":"stream","arguments":[{}]}}"#,
                10 * KIB
            ))
            .await;
    }
    wait(5_000).await;
    // 64 KiB are full after seven items; then each stream may have one more under way.
    let items = hub.runs.load(SeqCst);
    assert!(
        (7..=17).contains(&items),
        "{items} items of 10 KiB are in memory"
    );
    // Reading again brings them all.
    for _ in 0..10 * 101 {
        let message = stuck.text().await;
        assert!(message.starts_with(r#"{"type":2"#) || message.starts_with(r#"{"type":3,"#));
        assert!(!message.contains("error"), "{message}");
    }
}

#[apply(both_encodings)]
async fn no_pings_pile_up_behind_what_is_not_read() {
    let server = builder(&Feed::default())
        .keep_alive(Duration::from_secs(1))
        .client_timeout(Duration::from_secs(5))
        .send_timeout(Duration::from_secs(100))
        .build()
        .expect("valid");
    let mut peer = Peer::connect_with(&server, 100).await;
    let all = server.context().clients().all();
    all.send("news", ("x".repeat(500),)).await.expect("sent");
    for _ in 0..60 {
        wait(1_000).await;
        peer.send(PING).await;
    }
    let start = Instant::now();
    assert!(
        peer.frame()
            .await
            .expect("news")
            .starts_with(r#"{"type":1"#)
    );
    peer.call("1", "fine", json!([])).await;
    let mut pings = 0;
    while peer.frame().await.as_deref() == Some(PING) {
        pings += 1;
    }
    assert!(pings <= 1, "{pings} pings at once");
    assert!(since(start) < 100);
    // And now they come again.
    peer.send(PING).await;
    assert_eq!(peer.frame().await.as_deref(), Some(PING));
}

#[apply(both_encodings)]
async fn a_client_that_neither_reads_nor_sends_is_dropped_too() {
    let hub = Feed::default();
    let server = builder(&hub).build().expect("valid");
    let stuck = Peer::connect_with(&server, 64).await;
    let all = server.context().clients().all();
    all.send("news", ("x".repeat(200),)).await.expect("sent");
    let start = Instant::now();
    soon(server.closed()).await;
    let after = since(start);
    assert!(
        (10_000..=17_000).contains(&after),
        "closed after {after} ms"
    );
    assert_eq!(hub.log.all().len(), 1);
    drop(stuck);
}
