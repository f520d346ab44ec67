//! In which order calls run and answers come, and how many run at a time.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::SeqCst},
};

use futures_util::Stream;
use serde_json::json;
use signalr::{Context, HubError, HubServer, Receiver, hub};
use tokio::sync::Semaphore;

use crate::support::{Encoding, Log, Peer, settle};

/// Calls wait at a gate that the test opens.
#[derive(Clone)]
struct Gated {
    log: Log,
    gate: Arc<Semaphore>,
    running: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
}

impl Gated {
    fn new() -> Self {
        Self {
            log: Log::default(),
            gate: Arc::new(Semaphore::new(0)),
            running: Arc::default(),
            most: Arc::default(),
        }
    }

    async fn pass(&self) {
        self.gate.acquire().await.expect("the gate stays").forget();
    }
}

#[hub]
impl Gated {
    pub async fn wait(&self, number: u32) -> u32 {
        self.log.note(format!("start {number}"));
        let running = self.running.fetch_add(1, SeqCst) + 1;
        self.most.fetch_max(running, SeqCst);
        self.pass().await;
        self.running.fetch_sub(1, SeqCst);
        self.log.note(format!("end {number}"));
        number
    }

    pub fn quick(&self, number: u32) -> u32 {
        self.log.note(format!("quick {number}"));
        number
    }

    pub fn padded(&self, number: u32, _padding: &str) -> u32 {
        number
    }

    pub fn counter(&self, to: u32) -> impl Stream<Item = u32> + use<> {
        futures_util::stream::iter(0..to)
    }

    pub async fn sum(&self, mut numbers: Receiver<u32>) -> Result<u32, HubError> {
        let mut sum = 0;
        while let Some(number) = numbers.recv().await {
            sum += number?;
        }
        Ok(sum)
    }

    pub async fn tell_numbers(&self, cx: &Context<Self>, to: u32) -> Result<u32, HubError> {
        for number in 0..to {
            cx.clients().caller().send("number", (number,)).await?;
        }
        Ok(to)
    }

    pub async fn ask(&self, cx: &Context<Self>) -> Result<u32, HubError> {
        Ok(cx.clients().caller().invoke("question", ()).await?)
    }
}

#[apply(both_encodings)]
async fn calls_of_one_connection_run_one_at_a_time_in_order() {
    let hub = Gated::new();
    let mut peer = Peer::connect(&HubServer::new(hub.clone())).await;
    for number in 0..5 {
        peer.call(&number.to_string(), "wait", json!([number]))
            .await;
    }
    settle().await;
    assert_eq!(hub.log.all(), ["start 0"]);
    hub.gate.add_permits(5);
    for number in 0..5 {
        assert_eq!(peer.completion(&number.to_string()).await, number);
    }
    let expected = (0..5).flat_map(|n| [format!("start {n}"), format!("end {n}")]);
    assert_eq!(hub.log.all(), expected.collect::<Vec<_>>());
}

#[apply(both_encodings)]
async fn a_quick_call_does_not_overtake_a_slow_one() {
    let hub = Gated::new();
    let mut peer = Peer::connect(&HubServer::new(hub.clone())).await;
    peer.call("slow", "wait", json!([1])).await;
    peer.call("quick", "quick", json!([2])).await;
    peer.tell("quick", json!([3])).await;
    settle().await;
    assert_eq!(hub.log.all(), ["start 1"]);
    hub.gate.add_permits(1);
    assert_eq!(peer.completion("slow").await, 1);
    assert_eq!(peer.completion("quick").await, 2);
    peer.expect_silence().await;
    assert_eq!(hub.log.all(), ["start 1", "end 1", "quick 2", "quick 3"]);
}

#[apply(both_encodings)]
async fn as_many_calls_overlap_as_the_option_says() {
    let hub = Gated::new();
    let server = HubServer::builder(hub.clone()).parallel_invocations(3);
    let mut peer = Peer::connect(&server.build().expect("valid")).await;
    for number in 0..10 {
        peer.call("x", "wait", json!([number])).await;
    }
    settle().await;
    assert_eq!(hub.log.all(), ["start 0", "start 1", "start 2"]);
    hub.gate.add_permits(10);
    for _ in 0..10 {
        peer.completion("x").await;
    }
    assert_eq!(hub.most.load(SeqCst), 3);
    let log = hub.log.all();
    let starts: Vec<_> = log
        .iter()
        .filter(|event| event.starts_with("start"))
        .collect();
    let expected: Vec<_> = (0..10).map(|number| format!("start {number}")).collect();
    assert_eq!(starts, expected.iter().collect::<Vec<_>>());
}

#[apply(both_encodings)]
async fn calls_of_different_connections_do_not_wait_for_each_other() {
    let hub = Gated::new();
    let server = HubServer::new(hub.clone());
    let mut slow = Peer::connect(&server).await;
    let mut quick = Peer::connect(&server).await;
    slow.call("1", "wait", json!([1])).await;
    settle().await;
    assert_eq!(quick.invoke("quick", json!([2])).await, 2);
    hub.gate.add_permits(1);
    assert_eq!(slow.completion("1").await, 1);
}

#[apply(both_encodings)]
async fn everything_else_goes_on_while_a_call_runs() {
    let hub = Gated::new();
    let mut peer = Peer::connect(&HubServer::new(hub.clone())).await;
    peer.call("slow", "wait", json!([1])).await;
    // An ordinary call that waits for its turn holds nothing up either.
    peer.call("next", "quick", json!([2])).await;
    peer.send(r#"{"type":6}"#).await;
    peer.send(r#"{"type":4,"invocationId":"s","target":"counter","arguments":[2]}"#)
        .await;
    assert_eq!(
        peer.text().await,
        r#"{"type":2,"invocationId":"s","item":0}"#
    );
    assert_eq!(
        peer.text().await,
        r#"{"type":2,"invocationId":"s","item":1}"#
    );
    assert_eq!(peer.text().await, r#"{"type":3,"invocationId":"s"}"#);
    peer.send(r#"{"type":1,"invocationId":"u","target":"sum","arguments":[],"streamIds":["n"]}"#)
        .await;
    peer.send(r#"{"type":2,"invocationId":"n","item":40}"#)
        .await;
    peer.send(r#"{"type":2,"invocationId":"n","item":2}"#).await;
    peer.send(r#"{"type":3,"invocationId":"n"}"#).await;
    assert_eq!(peer.completion("u").await, 42);
    assert_eq!(hub.log.all(), ["start 1"]);
    hub.gate.add_permits(1);
    assert_eq!(peer.completion("slow").await, 1);
    assert_eq!(peer.completion("next").await, 2);
}

#[apply(both_encodings)]
async fn binding_failures_and_unknown_methods_overtake_a_running_call() {
    let hub = Gated::new();
    let mut peer = Peer::connect(&HubServer::new(hub.clone())).await;
    peer.call("slow", "wait", json!([1])).await;
    peer.call("next", "quick", json!([2])).await;
    peer.call("unknown", "no such method", json!([])).await;
    peer.call("count", "quick", json!([])).await;
    assert!(peer.completion("unknown").await["error"].is_string());
    assert!(peer.completion("count").await["error"].is_string());
    hub.gate.add_permits(1);
    assert_eq!(peer.completion("slow").await, 1);
    assert_eq!(peer.completion("next").await, 2);
}

#[apply(both_encodings)]
async fn reading_stops_while_64_kib_of_calls_wait_and_then_all_are_answered() {
    let hub = Gated::new();
    let mut peer = Peer::connect_with(&HubServer::new(hub.clone()), 1 << 12).await;
    peer.call("slow", "wait", json!([1])).await;
    let padding = "x".repeat(1_000);
    let mut sent = 0;
    let start = tokio::time::Instant::now();
    // Each call fits into the pipe, so a call that cannot be written for a second is not read.
    while sent < 1_000 {
        let call = json!({"type": 1, "invocationId": sent.to_string(), "target": "padded", "arguments": [sent, padding]});
        let frame = Encoding::of_this_test().frame(&call.to_string());
        let write = peer.try_send_bytes(&frame);
        let second = std::time::Duration::from_secs(1);
        if tokio::time::timeout(second, write).await.is_err() {
            break;
        }
        sent += 1;
    }
    // Each counts some 256 bytes more than its frame.
    assert!(
        (48..=60).contains(&sent),
        "{sent} calls of a KiB were taken"
    );
    assert!(start.elapsed().as_secs() < 5);
    hub.gate.add_permits(1);
    assert_eq!(peer.completion("slow").await, 1);
    for number in 0..sent {
        assert_eq!(peer.completion(&number.to_string()).await, number);
    }
}

#[apply(both_encodings)]
async fn ten_thousand_numbers_to_the_caller_come_in_order_and_before_the_completion() {
    let mut peer = Peer::connect(&HubServer::new(Gated::new())).await;
    peer.call("1", "tellNumbers", json!([10_000])).await;
    for number in 0..10_000 {
        assert_eq!(
            peer.text().await,
            format!(r#"{{"type":1,"target":"number","arguments":[{number}]}}"#)
        );
    }
    assert_eq!(peer.completion("1").await, 10_000);
}

#[apply(both_encodings)]
async fn a_thousand_calls_in_one_write_are_answered_in_order() {
    let mut peer = Peer::connect(&HubServer::new(Gated::new())).await;
    let calls: Vec<_> = (0..1_000)
        .map(|n| format!(r#"{{"type":1,"invocationId":"{n}","target":"quick","arguments":[{n}]}}"#))
        .collect();
    let calls: Vec<_> = calls.iter().map(String::as_str).collect();
    peer.send_all(&calls).await;
    for number in 0..1_000 {
        assert_eq!(peer.completion(&number.to_string()).await, number);
    }
}

#[apply(both_encodings)]
async fn a_call_that_asks_the_client_does_not_deadlock_with_calls_that_wait() {
    let mut peer = Peer::connect(&HubServer::new(Gated::new())).await;
    peer.call("1", "ask", json!([])).await;
    let id = peer.asked("question").await;
    // Before the client answers it makes calls of its own, one of which asks too.
    for number in 0..50 {
        let call = format!("q{number}");
        peer.call(&call, "quick", json!([number])).await;
        assert_eq!(peer.completion(&call).await, number);
    }
    peer.call("2", "ask", json!([])).await;
    let inner = peer.asked("question").await;
    peer.answer(&inner, json!(43)).await;
    assert_eq!(peer.completion("2").await, 43);
    peer.answer(&id, json!(42)).await;
    assert_eq!(peer.completion("1").await, 42);
}

#[apply(both_encodings)]
async fn a_call_that_has_asked_does_not_count_twice() {
    let hub = Gated::new();
    let mut peer = Peer::connect(&HubServer::new(hub.clone())).await;
    peer.call("1", "ask", json!([])).await;
    let id = peer.asked("question").await;
    peer.answer(&id, json!(42)).await;
    assert_eq!(peer.completion("1").await, 42);
    for number in 0..3 {
        peer.call(&number.to_string(), "wait", json!([number]))
            .await;
    }
    settle().await;
    assert_eq!(hub.log.all(), ["start 0"]);
}

#[apply(both_encodings)]
async fn a_hundred_calls_may_ask_beyond_the_limit_and_one_more_keeps_its_turn() {
    let mut peer = Peer::connect(&HubServer::new(Gated::new())).await;
    let mut questions = Vec::new();
    for number in 0..101 {
        peer.call(&number.to_string(), "ask", json!([])).await;
        questions.push(peer.asked("question").await);
    }
    peer.call("q", "quick", json!([7])).await;
    peer.expect_silence().await;
    let last = questions.pop().expect("the hundred and first");
    peer.answer(&last, json!(1)).await;
    assert_eq!(peer.completion("100").await, 1);
    assert_eq!(peer.completion("q").await, 7);
}

#[apply(both_encodings)]
async fn a_call_that_panics_or_fails_gives_its_turn_back() {
    struct Falling;
    #[hub]
    impl Falling {
        pub async fn panic(&self) {
            tokio::task::yield_now().await;
            panic!("as asked");
        }

        pub async fn fail(&self) -> Result<(), HubError> {
            tokio::task::yield_now().await;
            Err(HubError::new("as asked"))
        }

        pub fn fine(&self) -> u8 {
            1
        }
    }
    let mut peer = Peer::connect(&HubServer::new(Falling)).await;
    for _ in 0..20 {
        peer.call("p", "panic", json!([])).await;
        peer.call("f", "fail", json!([])).await;
        peer.call("1", "fine", json!([])).await;
    }
    for _ in 0..20 {
        assert!(peer.completion("p").await["error"].is_string());
        assert!(peer.completion("f").await["error"].is_string());
        assert_eq!(peer.completion("1").await, 1);
    }
}

#[apply(both_encodings)]
async fn a_client_that_leaves_while_it_is_not_read_is_noticed_by_the_next_ping() {
    let hub = Gated::new();
    let server = HubServer::new(hub.clone());
    let mut peer = Peer::connect(&server).await;
    peer.call("slow", "wait", json!([1])).await;
    // More than the queue takes.
    let padding = "x".repeat(20_000);
    for number in 0..5 {
        peer.call("1", "padded", json!([number, padding])).await;
    }
    settle().await;
    let start = tokio::time::Instant::now();
    peer.leave().await;
    assert!(
        start.elapsed().as_secs() <= 16,
        "after {:?}",
        start.elapsed()
    );
    assert_eq!(hub.log.all(), ["start 1"]);
}
