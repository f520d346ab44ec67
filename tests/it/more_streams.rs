//! Result streams that are cancelled, fail, panic, or outlive what made them.

use std::{sync::Arc, time::Duration};

use futures_util::{Stream, StreamExt, stream};
use serde::{Serialize, Serializer};
use serde_json::json;
use signalr::{Connecting, HubError, HubServer, HubServerBuilder, Receiver, hub};
use tokio::{sync::mpsc, time::Instant};

use crate::support::{Log, OnDrop, Peer, settle, since, wait};

/// Cannot be written.
struct Unwritable;

impl Serialize for Unwritable {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("the secret of an item"))
    }
}

/// Panics when it is dropped.
struct Unlucky;

impl Drop for Unlucky {
    fn drop(&mut self) {
        panic!("as asked");
    }
}

struct Sources {
    log: Log,
    _end: Arc<OnDrop>,
}

impl Sources {
    fn new(log: &Log) -> Self {
        Self {
            log: log.clone(),
            _end: Arc::new(log.on_drop("hub dropped")),
        }
    }
}

#[hub]
impl Sources {
    /// A number each millisecond, for ever.
    pub fn ticks(&self) -> impl Stream<Item = u32> + use<> {
        let end = self.log.on_drop("stream dropped");
        stream::unfold((0, end), |(number, end)| async move {
            wait(1).await;
            Some((number, (number + 1, end)))
        })
    }

    pub fn private_error(
        &self,
    ) -> impl Stream<Item = Result<u32, std::num::ParseIntError>> + use<> {
        stream::iter([Ok(1), "x".parse()])
    }

    pub fn panic_inside(&self) -> impl Stream<Item = u32> + use<> {
        stream::iter(0..3).map(|number| {
            assert_ne!(number, 2, "the secret of a stream");
            number
        })
    }

    pub fn panic_before(&self) -> impl Stream<Item = u32> + use<> {
        if self.log.count("never") == 0 {
            panic!("the secret of a stream");
        }
        stream::iter([1])
    }

    pub fn panic_at_drop(&self) -> impl Stream<Item = u32> + use<> {
        let unlucky = Unlucky;
        stream::iter([1]).map(move |number| {
            let _ = &unlucky;
            number
        })
    }

    pub fn unwritable(&self) -> impl Stream<Item = Option<Unwritable>> + use<> {
        stream::iter([None, Some(Unwritable), None])
    }

    pub async fn later(&self) -> Result<impl Stream<Item = u32> + use<>, HubError> {
        wait(10).await;
        Ok(stream::iter([1, 2]))
    }

    pub fn channel(&self) -> mpsc::Receiver<u32> {
        let (sender, receiver) = mpsc::channel(1);
        tokio::spawn(async move {
            for number in 0..3 {
                sender.send(number).await.expect("somebody reads");
            }
        });
        receiver
    }

    pub fn back(&self, items: Receiver<u32>) -> Receiver<u32> {
        items
    }

    pub async fn hub_lives(&self) -> impl Stream<Item = usize> + use<> {
        let (log, hub) = (self.log.clone(), Arc::downgrade(&self._end));
        stream::iter(0..3).then(move |_| {
            let count = log.count("hub dropped");
            let lives = hub.strong_count();
            async move {
                wait(10).await;
                count * 100 + lives
            }
        })
    }
}

fn builder(log: &Log) -> HubServerBuilder<Sources> {
    HubServer::builder(Sources::new(log))
}

async fn connect() -> (Peer, Log) {
    let log = Log::default();
    (
        Peer::connect(&builder(&log).build().expect("valid")).await,
        log,
    )
}

impl Peer {
    async fn stream(&mut self, id: &str, method: &str) {
        let call = json!({"type": 4, "invocationId": id, "target": method, "arguments": []});
        self.send(&call.to_string()).await;
    }

    async fn cancel(&mut self, id: &str) {
        self.send(&format!(r#"{{"type":5,"invocationId":"{id}"}}"#))
            .await;
    }

    /// The items of a stream, and the error of its completion.
    async fn drained(&mut self, id: &str) -> (Vec<serde_json::Value>, serde_json::Value) {
        let mut items = Vec::new();
        loop {
            let mut message = self.json().await;
            assert_eq!(message["invocationId"], id);
            if message["type"] == 3 {
                assert_eq!(message.get("result"), None, "{message}");
                return (items, message["error"].take());
            }
            assert_eq!(message["type"], 2);
            items.push(message["item"].take());
        }
    }
}

#[apply(both_encodings)]
async fn nothing_comes_behind_the_completion_of_a_cancelled_stream() {
    let (mut peer, log) = connect().await;
    peer.stream("s", "ticks").await;
    wait(100).await;
    peer.cancel("s").await;
    let (items, error) = peer.drained("s").await;
    assert!((90..=101).contains(&items.len()), "{} items", items.len());
    assert!(items.iter().enumerate().all(|(at, item)| *item == at));
    assert_eq!(error, json!(null));
    wait(1_000).await;
    peer.cancel("s").await;
    peer.expect_silence().await;
    assert_eq!(log.all(), ["stream dropped"]);
}

#[apply(both_encodings)]
async fn five_hundred_streams_are_each_cancelled_at_once_after_ten_thousand_empty_cancels() {
    let (mut peer, log) = connect().await;
    for number in 0..10_000 {
        peer.cancel(&format!("nobody {number}")).await;
    }
    for number in 0..500 {
        let id = number.to_string();
        peer.stream(&id, "ticks").await;
        wait(3).await;
        let start = Instant::now();
        peer.cancel(&id).await;
        let (_, error) = peer.drained(&id).await;
        assert_eq!(error, json!(null));
        assert!(since(start) < 500);
    }
    assert_eq!(log.count("stream dropped"), 500);
}

#[apply(both_encodings)]
async fn an_id_may_be_used_again_when_its_stream_has_ended() {
    let (mut peer, _) = connect().await;
    for _ in 0..3 {
        peer.stream("s", "later").await;
        assert_eq!(
            peer.drained("s").await,
            (vec![json!(1), json!(2)], json!(null))
        );
        peer.stream("s", "ticks").await;
        peer.cancel("s").await;
        peer.drained("s").await;
    }
}

#[apply(both_encodings)]
async fn streams_run_side_by_side_each_in_its_order() {
    let (mut peer, _) = connect().await;
    for id in ["a", "b", "c"] {
        peer.stream(id, "ticks").await;
    }
    let mut next = std::collections::HashMap::new();
    for _ in 0..300 {
        let message = peer.json().await;
        let id = message["invocationId"].as_str().expect("an id").to_owned();
        let number = next.entry(id).or_insert(0);
        assert_eq!(message["item"], *number);
        *number += 1;
    }
    assert!(
        next.len() == 3 && next.values().all(|count| *count >= 99),
        "{next:?}"
    );
}

#[apply(both_encodings)]
async fn the_text_of_an_inner_error_is_hidden_unless_details_are_on() {
    let base = "An error occurred on the server while streaming results.";
    for (detailed, text) in [
        (false, base.to_owned()),
        (
            true,
            format!("{base} ParseIntError: invalid digit found in string"),
        ),
    ] {
        let server = builder(&Log::default()).detailed_errors(detailed);
        let mut peer = Peer::connect(&server.build().expect("valid")).await;
        peer.stream("s", "privateError").await;
        assert_eq!(peer.drained("s").await, (vec![json!(1)], json!(text)));
    }
}

#[apply(both_encodings)]
async fn an_item_that_cannot_be_written_ends_the_stream_with_an_error() {
    let (mut peer, _) = connect().await;
    peer.stream("s", "unwritable").await;
    let text = "An error occurred on the server while streaming results.";
    assert_eq!(peer.drained("s").await, (vec![json!(null)], json!(text)));
    peer.expect_silence().await;
}

#[apply(both_encodings)]
async fn a_panic_inside_a_stream_comes_behind_its_items_without_its_text() {
    for detailed in [false, true] {
        let server = builder(&Log::default()).detailed_errors(detailed);
        let mut peer = Peer::connect(&server.build().expect("valid")).await;
        peer.stream("s", "panicInside").await;
        let text = "An error occurred on the server while streaming results.";
        assert_eq!(
            peer.drained("s").await,
            (vec![json!(0), json!(1)], json!(text))
        );
        peer.expect_silence().await;
    }
}

#[apply(both_encodings)]
async fn a_panic_before_the_stream_is_an_error_of_the_call() {
    let (mut peer, _) = connect().await;
    peer.stream("s", "panicBefore").await;
    let text = "An unexpected error occurred invoking 'panicBefore' on the server.";
    assert_eq!(peer.drained("s").await, (vec![], json!(text)));
    peer.expect_silence().await;
}

#[apply(both_encodings)]
async fn a_stream_that_panics_when_it_is_dropped_is_completed_once() {
    let (mut peer, _) = connect().await;
    for _ in 0..2 {
        peer.stream("s", "panicAtDrop").await;
        assert_eq!(peer.drained("s").await.0, [json!(1)]);
        peer.expect_silence().await;
    }
}

#[apply(both_encodings)]
async fn a_connection_whose_stream_panics_when_it_is_dropped_still_ends_well() {
    struct Watched(Log);
    #[hub]
    impl Watched {
        async fn on_disconnected(&self, _: &signalr::Context<Self>, _: Option<&signalr::Error>) {
            self.0.note("disconnected");
        }

        pub fn pending(&self) -> impl Stream<Item = u32> + use<> {
            let unlucky = Unlucky;
            stream::pending().map(move |number| {
                let _ = &unlucky;
                number
            })
        }
    }
    let log = Log::default();
    let server = HubServer::new(Watched(log.clone()));
    let mut peer = Peer::connect(&server).await;
    peer.stream("s", "pending").await;
    peer.expect_silence().await;
    peer.leave().await;
    assert_eq!(log.all(), ["disconnected"]);
    assert_eq!(server.connection_count(), 0);
}

#[apply(both_encodings)]
async fn cancelling_a_stream_that_panics_when_it_is_dropped_completes_it_once() {
    struct Falling;
    #[hub]
    impl Falling {
        pub fn pending(&self) -> impl Stream<Item = u32> + use<> {
            let unlucky = Unlucky;
            stream::pending().map(move |number| {
                let _ = &unlucky;
                number
            })
        }
    }
    let mut peer = Peer::connect(&HubServer::new(Falling)).await;
    peer.stream("s", "pending").await;
    peer.expect_silence().await;
    peer.cancel("s").await;
    let (items, _) = peer.drained("s").await;
    assert_eq!(items, [json!(null); 0]);
    peer.expect_silence().await;
}

#[apply(both_encodings)]
async fn receivers_are_streams_too() {
    let (mut peer, _) = connect().await;
    peer.stream("s", "channel").await;
    assert_eq!(
        peer.drained("s").await,
        (vec![json!(0), json!(1), json!(2)], json!(null))
    );
    peer.send(r#"{"type":4,"invocationId":"s","target":"back","arguments":[],"streamIds":["u"]}"#)
        .await;
    peer.send(r#"{"type":2,"invocationId":"u","item":7}"#).await;
    peer.send(r#"{"type":3,"invocationId":"u"}"#).await;
    assert_eq!(peer.drained("s").await, (vec![json!(7)], json!(null)));
}

#[apply(both_encodings)]
async fn a_hub_made_for_a_streaming_call_lives_as_long_as_the_stream() {
    let log = Log::default();
    let made = log.clone();
    let server = HubServer::per_call(move |_: Connecting<Sources>| {
        std::future::ready(Ok(Sources::new(&made)))
    });
    let mut peer = Peer::connect(&server.build().expect("valid")).await;
    settle().await;
    // `on_connected` is not there: no hub is made for it that could have been dropped.
    let before = log.count("hub dropped");
    peer.stream("s", "hubLives").await;
    let lives = json!(before * 100 + 1);
    let expected = vec![lives.clone(), lives.clone(), lives];
    assert_eq!(peer.drained("s").await, (expected, json!(null)));
    settle().await;
    assert_eq!(log.count("hub dropped"), before + 1);
}

#[apply(both_encodings)]
async fn a_stream_is_not_ended_by_a_cancel_of_another_connection() {
    let log = Log::default();
    let server = builder(&log).build().expect("valid");
    let (mut one, mut two) = (Peer::connect(&server).await, Peer::connect(&server).await);
    one.stream("s", "ticks").await;
    two.cancel("s").await;
    two.expect_silence().await;
    let many = async {
        for _ in 0..50 {
            assert_eq!(one.json().await["type"], 2);
        }
    };
    tokio::time::timeout(Duration::from_secs(1), many)
        .await
        .expect("it goes on");
}
