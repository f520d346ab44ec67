//! Messages that the sender writes to the socket itself, past the connection's task: real sockets, several workers.

use serde_json::{Value, json};
use signalr::{Context, HubError, HubServer, hub};
use tokio::task::JoinSet;

use crate::support::web::{PONG, TEXT, Wire, in_time, serve};

const SENDERS: usize = 4;
const EACH: usize = 200;

#[derive(Clone)]
struct Square;

#[hub]
impl Square {
    pub fn echo(&self, number: u64) -> u64 {
        number
    }

    pub async fn repeat(&self, cx: &Context<Self>, number: usize) -> Result<usize, HubError> {
        let text = "r".repeat(60_000);
        let all = cx.clients().all();
        all.send("told", (SENDERS, number, text)).await?;
        Ok(number)
    }

    pub async fn shout(&self, cx: &Context<Self>, size: usize) -> Result<(), HubError> {
        let text = "x".repeat(size);
        Ok(cx.clients().others().send("shout", (text,)).await?)
    }
}

async fn open(hub: &HubServer<Square>, count: usize) -> Vec<Wire> {
    let addr = serve(hub).await;
    let mut wires = Vec::new();
    for _ in 0..count {
        let mut wire = Wire::connect(addr, "/hub").await;
        assert_eq!(wire.invoke("echo", json!([7])).await, 7);
        wires.push(wire);
    }
    wires
}

/// `from`th sender's `number`th message.
async fn tell(hub: &HubServer<Square>, from: usize, number: usize) {
    let all = hub.context().clients().all();
    // Some fit no single write.
    let padding = "p".repeat(if number % 50 == 49 { 300_000 } else { 20 });
    let sent = all.send("told", (from, number, padding)).await;
    sent.expect("none refuses");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whole_messages_in_the_order_of_each_sender_between_answers_and_pongs() {
    let hub = HubServer::new(Square);
    let wires = open(&hub, 40).await;
    let mut readers = JoinSet::new();
    for mut wire in wires {
        readers.spawn(in_time(async move {
            let mut next = [0; SENDERS];
            let (mut answers, mut pongs, mut asked) = (0, 0, 0);
            while next != [EACH; SENDERS] || answers < asked || pongs == 0 {
                if asked < 50 && next.iter().sum::<usize>() >= asked {
                    asked += 1;
                    let call = json!({"type": 1, "invocationId": asked.to_string(), "target": "echo", "arguments": [asked]});
                    wire.tell(&call.to_string()).await;
                    wire.frame(0x89, b"ping").await;
                }
                let (first, payload) = wire.next().await.expect("open");
                if first == PONG {
                    // Only the last ping needs an answer.
                    assert_eq!(payload, b"ping");
                    pongs += 1;
                    continue;
                }
                assert_eq!(first, TEXT);
                for message in payload.split(|byte| *byte == 0x1e).filter(|text| !text.is_empty()) {
                    let message: Value = serde_json::from_slice(message).expect("a whole message");
                    match message["type"].as_u64() {
                        Some(1) => {
                            let number = |at: usize| message["arguments"][at].as_u64().expect("a number") as usize;
                            assert_eq!(number(1), next[number(0)], "sender {}", number(0));
                            next[number(0)] += 1;
                        }
                        Some(3) => {
                            answers += 1;
                            assert_eq!(message["result"], answers);
                        }
                        other => assert_eq!(other, Some(6), "{message}"),
                    }
                }
            }
        }));
    }
    let mut senders = JoinSet::new();
    for from in 0..SENDERS {
        let hub = hub.clone();
        senders.spawn(in_time(async move {
            for number in 0..EACH {
                tell(&hub, from, number).await;
            }
        }));
    }
    while let Some(ended) = senders.join_next().await {
        ended.expect("all are sent");
    }
    while let Some(ended) = readers.join_next().await {
        ended.expect("all are read");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_socket_does_not_take_at_once_follows_and_comes_first() {
    let hub = HubServer::new(Square);
    let mut wires = open(&hub, 2).await;
    let (mut slow, mut caller) = (wires.remove(0), wires.remove(0));
    // More than any socket buffers; the call is answered when it is queued.
    let size = 9_000_000;
    caller.invoke("shout", json!([size])).await;
    let call = r#"{"type":1,"target":"shout","arguments":[3]}"#;
    caller.tell(call).await;
    slow.tell(r#"{"type":1,"invocationId":"1","target":"echo","arguments":[1]}"#)
        .await;
    let mut seen = Vec::new();
    while seen.len() < 3 {
        for message in in_time(slow.messages()).await {
            match message["type"].as_u64() {
                Some(1) => seen.push(message["arguments"][0].as_str().expect("a text").len()),
                Some(3) => seen.push(0),
                _ => {}
            }
        }
    }
    assert_eq!(seen[0], size, "the first one first");
    seen.sort_unstable();
    assert_eq!(seen, [0, 3, size]);
}

#[tokio::test]
async fn who_stops_waiting_has_sent_to_everybody() {
    let hub = HubServer::new(Square);
    let mut wires = open(&hub, 300).await;
    let all = hub.context().clients().all();
    let sending = all.send("told", (0, 0, ""));
    {
        tokio::pin!(sending);
        // More recipients than a task may write to without giving way: the send is not through.
        let once = std::future::poll_fn(|cx| std::task::Poll::Ready(sending.as_mut().poll(cx)));
        assert!(once.await.is_pending());
    }
    for wire in &mut wires {
        let messages = in_time(wire.messages()).await;
        assert_eq!(messages[0]["target"], "told");
    }
}

#[tokio::test]
async fn a_client_that_is_only_told_things_is_not_pinged() {
    let hub = HubServer::builder(Square).keep_alive(std::time::Duration::from_secs(1));
    let hub = hub.build().expect("valid");
    let mut wire = open(&hub, 1).await.remove(0);
    let quiet = async {
        loop {
            for message in wire.messages().await {
                assert_ne!(message["type"], 6, "told more often than pinged");
            }
        }
    };
    let telling = async {
        for number in 0..16 {
            tell(&hub, 0, number).await;
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        }
    };
    tokio::select! {
        () = quiet => {}
        () = telling => {}
    }
}

/// Calls that wait while a client reads nothing run as soon as there is room, while their connection's task still writes; what they
/// send to everybody must not get into the middle of something.
async fn methods_that_send_as_soon_as_there_is_room() {
    let hub = HubServer::new(Square);
    let mut wire = open(&hub, 1).await.remove(0);
    for round in 0..10 {
        let feed = tokio::spawn({
            let hub = hub.clone();
            async move {
                // More than any socket buffers.
                for number in 0..150 {
                    let all = hub.context().clients().all();
                    let sent = all.send("told", (0, number, "f".repeat(60_000))).await;
                    sent.expect("none refuses");
                }
            }
        });
        for number in 0..5 {
            let id = round * 5 + number;
            let call = json!({"type": 1, "invocationId": id.to_string(), "target": "repeat", "arguments": [number]});
            wire.tell(&call.to_string()).await;
        }
        let (mut fed, mut repeated, mut answers) = (0, 0, 0);
        while (fed, repeated, answers) != (150, 5, 5) {
            for message in in_time(wire.messages()).await {
                let arguments = &message["arguments"];
                match message["type"].as_u64() {
                    Some(1) if arguments[0] == 0 => {
                        assert_eq!(arguments[1], fed);
                        fed += 1;
                    }
                    Some(1) => {
                        assert_eq!(arguments[1], repeated);
                        repeated += 1;
                    }
                    Some(3) => {
                        assert_eq!(message["result"], answers);
                        answers += 1;
                    }
                    other => assert_eq!(other, Some(6), "{message}"),
                }
            }
        }
        in_time(feed).await.expect("all are sent");
    }
}

#[tokio::test]
async fn a_method_that_waited_for_room_sends_between_whole_messages() {
    methods_that_send_as_soon_as_there_is_room().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_method_that_waited_for_room_sends_between_whole_messages_of_several_workers() {
    methods_that_send_as_soon_as_there_is_room().await;
}

#[tokio::test]
async fn a_thread_without_a_runtime_may_send() {
    let hub = HubServer::new(Square);
    let mut wires = open(&hub, 40).await;
    let context = hub.context();
    let sender = std::thread::spawn(move || {
        let sending = context.clients().all().send("told", (0, 0, ""));
        let mut sending = std::pin::pin!(sending);
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        // Everybody has room, so there is nothing to wait for.
        loop {
            if let std::task::Poll::Ready(sent) = sending.as_mut().poll(&mut cx) {
                return sent;
            }
        }
    });
    sender.join().expect("no panic").expect("sent");
    for wire in &mut wires {
        assert_eq!(in_time(wire.messages()).await[0]["target"], "told");
    }
}
