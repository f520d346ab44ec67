//! How uploads flow: what waits, what is limited, and what becomes of readers when calls and connections end.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::json;
use signalr::{HubError, HubServer, HubServerBuilder, Receiver, hub};
use tokio::sync::{Semaphore, mpsc};

use crate::support::{Encoding, Log, Peer, settle, soon, wait};

#[derive(Clone)]
struct Flow {
    log: Log,
    gate: Arc<Semaphore>,
    hoard: Arc<Mutex<Vec<Receiver<u32>>>>,
    plain: Arc<Mutex<Vec<mpsc::Receiver<u32>>>>,
}

impl Flow {
    fn new() -> Self {
        Self {
            log: Log::default(),
            gate: Arc::new(Semaphore::new(0)),
            hoard: Arc::default(),
            plain: Arc::default(),
        }
    }

    async fn pass(&self) {
        self.gate.acquire().await.expect("the gate stays").forget();
    }

    /// Reads to the end on a task of its own.
    fn read_elsewhere(&self, mut items: Receiver<u32>) {
        let log = self.log.clone();
        tokio::spawn(async move {
            while let Some(item) = items.recv().await {
                log.note(item.map_or_else(|error| error.to_string(), |item| item.to_string()));
            }
            log.note("end");
        });
    }
}

#[hub]
impl Flow {
    /// Reads one item each time the gate opens.
    pub async fn slow(&self, mut items: Receiver<u32>) -> Result<u32, HubError> {
        self.log.note("started");
        let mut sum = 0;
        loop {
            self.pass().await;
            let Some(item) = items.recv().await else {
                return Ok(sum);
            };
            self.log.note("read");
            sum += item?;
        }
    }

    /// Does not read at all.
    pub fn early(&self, _items: Receiver<u32>) -> u8 {
        7
    }

    /// Keeps its upload beyond the call, and never reads it.
    pub fn hoard(&self, items: Receiver<u32>) -> u8 {
        self.hoard.lock().expect("not poisoned").push(items);
        7
    }

    /// Keeps a channel of tokio's, which holds what was buffered and no more.
    pub async fn hoard_plain(&self, items: mpsc::Receiver<u32>) -> u8 {
        self.plain.lock().expect("not poisoned").push(items);
        self.pass().await;
        7
    }

    pub async fn hoard_and_wait(&self, items: Receiver<u32>) -> u8 {
        self.hoard.lock().expect("not poisoned").push(items);
        self.pass().await;
        7
    }

    pub fn background(&self, items: Receiver<u32>) {
        self.read_elsewhere(items);
    }

    pub async fn forward(&self, items: Receiver<u32>) {
        self.read_elsewhere(items);
        std::future::pending::<()>().await;
    }

    pub fn fine(&self) -> u8 {
        1
    }
}

fn builder(hub: &Flow) -> HubServerBuilder<Flow> {
    HubServer::builder(hub.clone())
}

async fn connect(hub: &Flow) -> Peer {
    Peer::connect(&builder(hub).build().expect("valid")).await
}

#[apply(both_encodings)]
async fn a_stream_whose_reader_is_slow_holds_up_itself_alone() {
    let hub = Flow::new();
    let mut peer = connect(&hub).await;
    peer.upload("1", "slow", json!([]), &["u"]).await;
    peer.upload("2", "slow", json!([]), &["v"]).await;
    // Far more than its buffer takes, and its end.
    for item in 0..100 {
        peer.item("u", json!(item)).await;
    }
    peer.end_of("u").await;
    peer.item("v", json!(1)).await;
    peer.end_of("v").await;
    assert_eq!(soon(peer.invoke("fine", json!([]))).await, 1);
    // The second is behind the first in nothing: whichever has a permit goes on.
    hub.gate.add_permits(1_000);
    let mut sums = Vec::new();
    for _ in 0..2 {
        let completion = peer.json().await;
        sums.push(completion["result"].as_i64().expect("a sum"));
    }
    sums.sort_unstable();
    assert_eq!(sums, [1, (0..100).sum()]);
}

#[apply(both_encodings)]
async fn reading_stops_when_too_many_items_are_parked_until_the_method_reads() {
    let hub = Flow::new();
    let mut peer = connect(&hub).await;
    peer.upload("1", "slow", json!([]), &["u"]).await;
    // 64 KiB in frames and what they cost beside: some 600 of these.
    for item in 0..1_000 {
        peer.item("u", json!(item)).await;
    }
    peer.call("behind", "fine", json!([])).await;
    let answer = tokio::time::timeout(Duration::from_secs(5), peer.text()).await;
    assert!(answer.is_err(), "{answer:?}");
    // Order is kept, and nothing is lost.
    hub.gate.add_permits(1_001);
    assert_eq!(peer.completion("behind").await, 1);
    peer.end_of("u").await;
    assert_eq!(peer.completion("1").await, (0..1_000).sum::<i32>());
}

#[apply(both_encodings)]
async fn an_unfit_item_among_parked_ones_ends_the_stream_at_its_place() {
    let hub = Flow::new();
    let server = builder(&hub).upload_buffer(1).detailed_errors(true).build();
    let mut peer = Peer::connect(&server.expect("valid")).await;
    peer.upload("1", "slow", json!([]), &["u"]).await;
    for item in [json!(1), json!(2), json!("three"), json!(4)] {
        peer.item("u", item).await;
    }
    hub.gate.add_permits(10);
    let error = "An unexpected error occurred invoking 'slow' on the server. \
        HubException: Failed to bind Stream message.";
    assert_eq!(peer.completion("1").await, json!({ "error": error }));
    assert_eq!(hub.log.count("read"), 3, "two numbers and the failure");
    peer.expect_silence().await;
}

#[apply(both_encodings)]
async fn the_size_of_the_buffer_is_an_option() {
    // What the buffer holds can be read after the client has gone; what was parked behind it is lost to a plain channel.
    for buffer in [1, 5] {
        let hub = Flow::new();
        let server = builder(&hub).upload_buffer(buffer).build().expect("valid");
        let mut peer = Peer::connect(&server).await;
        peer.upload("1", "hoardPlain", json!([]), &["u"]).await;
        for item in 0..20 {
            peer.item("u", json!(item)).await;
        }
        settle().await;
        peer.leave().await;
        let mut items = hub.plain.lock().expect("not poisoned").remove(0);
        let mut read = 0;
        while items.recv().await.is_some() {
            read += 1;
        }
        assert_eq!(read, buffer);
    }
}

#[apply(both_encodings)]
async fn what_has_come_can_be_read_after_the_client_has_gone() {
    let hub = Flow::new();
    let mut peer = connect(&hub).await;
    peer.upload("1", "hoardAndWait", json!([]), &["u"]).await;
    for item in 0..50 {
        peer.item("u", json!(item)).await;
    }
    settle().await;
    peer.leave().await;
    let mut items = hub.hoard.lock().expect("not poisoned").remove(0);
    for expected in 0..50 {
        assert_eq!(
            items.recv().await.expect("an item").expect("a number"),
            expected
        );
    }
    let error = items.recv().await.expect("a reason").expect_err("cut off");
    assert!(error.is_closed());
    assert!(items.recv().await.is_none());
}

#[apply(both_encodings)]
async fn an_upload_that_is_kept_beyond_its_call_does_not_hold_up_reading() {
    let mut peer = connect(&Flow::new()).await;
    peer.upload("1", "hoard", json!([]), &["u"]).await;
    assert_eq!(peer.completion("1").await, 7);
    for item in 0..50 {
        peer.item("u", json!(item)).await;
    }
    assert_eq!(soon(peer.invoke("fine", json!([]))).await, 1);
}

#[apply(both_encodings)]
async fn an_item_that_waits_for_room_is_let_go_when_its_call_ends() {
    let hub = Flow::new();
    let mut peer = connect(&hub).await;
    peer.upload("1", "hoardAndWait", json!([]), &["u"]).await;
    for item in 0..12 {
        peer.item("u", json!(item)).await;
    }
    wait(1_000).await;
    hub.gate.add_permits(1);
    assert_eq!(peer.completion("1").await, 7);
    let answer = tokio::time::timeout(Duration::from_secs(60), peer.invoke("fine", json!([])));
    assert_eq!(answer.await.expect("the connection is read again"), 1);
}

#[apply(both_encodings)]
async fn open_uploads_fail_when_the_connection_ends() {
    let hub = Flow::new();
    let mut peer = connect(&hub).await;
    peer.upload("1", "forward", json!([]), &["u"]).await;
    peer.item("u", json!(1)).await;
    peer.expect_silence().await;
    peer.leave().await;
    settle().await;
    assert_eq!(
        hub.log.all(),
        ["1", "The underlying connection was closed.", "end"]
    );
}

#[apply(both_encodings)]
async fn an_upload_ends_with_its_call_even_for_a_reader_beyond_it() {
    let hub = Flow::new();
    let mut peer = connect(&hub).await;
    peer.upload("1", "background", json!([]), &["u"]).await;
    assert_eq!(peer.completion("1").await, json!(null));
    peer.item("u", json!(1)).await;
    peer.expect_silence().await;
    assert_eq!(hub.log.all(), ["end"]);
}

#[apply(both_encodings)]
async fn uploads_are_limited_and_only_running_ones_count() {
    let mut peer = connect(&Flow::new()).await;
    for number in 0..10_000 {
        let call =
            format!(r#"{{"type":1,"target":"slow","arguments":[],"streamIds":["{number}"]}}"#);
        peer.send(&call).await;
    }
    peer.upload("1", "slow", json!([]), &["one more"]).await;
    let text = "An unexpected error occurred invoking 'slow' on the server. HubException: More than 100 upload streams at once are not allowed.";
    assert_eq!(peer.completion("1").await, json!({ "error": text }));
    peer.leave().await;

    // Those that have ended do not count, even if the client never ended its side.
    let mut peer = connect(&Flow::new()).await;
    for number in 0..1_000 {
        let stream = number.to_string();
        peer.upload("1", "early", json!([]), &[&stream]).await;
        assert_eq!(peer.completion("1").await, 7, "upload {number}");
        if number % 2 == 0 {
            peer.end_of(&stream).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_reader_on_another_thread_never_misses_the_error() {
    struct Elsewhere;
    #[hub]
    impl Elsewhere {
        pub async fn last(&self, mut items: Receiver<u32>) -> bool {
            let reader = tokio::spawn(async move {
                let mut failed = false;
                while let Some(item) = items.recv().await {
                    failed = item.is_err();
                }
                failed
            });
            reader.await.expect("no panic")
        }
    }
    let server = HubServer::new(Elsewhere);
    let mut tasks = Vec::new();
    for number in 0..4 {
        let mut peer = Peer::connect_in(Encoding::BOTH[number % 2], &server).await;
        tasks.push(tokio::spawn(async move {
            for round in 0..2_000 {
                peer.upload("1", "last", json!([]), &["u"]).await;
                peer.send(r#"{"type":3,"invocationId":"u","error":"lost it"}"#)
                    .await;
                assert_eq!(peer.completion("1").await, true, "round {round}");
            }
        }));
    }
    for task in tasks {
        task.await.expect("every error is seen");
    }
}
