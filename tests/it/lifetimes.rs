//! The three lifetimes of hub values: one for all, one for each connection, one for each call.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use serde_json::json;
use signalr::{Connecting, Context, Error, HubError, HubServer, hub};

use crate::support::{Log, OnDrop, Peer};

struct Counter {
    log: Log,
    count: AtomicUsize,
    _end: OnDrop,
}

impl Counter {
    fn new(log: &Log) -> Self {
        log.note("made");
        Self {
            log: log.clone(),
            count: AtomicUsize::new(0),
            _end: log.on_drop("dropped"),
        }
    }
}

#[hub]
impl Counter {
    async fn on_connected(&self, _: &Connecting<Self>) -> Result<(), HubError> {
        self.count.fetch_add(100, SeqCst);
        Ok(())
    }

    async fn on_disconnected(&self, _: &Context<Self>, _: Option<&Error>) {
        self.log.note(format!("end at {}", self.count.load(SeqCst)));
    }

    pub async fn count(&self) -> usize {
        tokio::task::yield_now().await;
        self.count.fetch_add(1, SeqCst) + 1
    }

    pub async fn whoami(&self, cx: &Context<Self>) -> Result<String, HubError> {
        let id = cx.connection_id().to_string();
        for _ in 0..10 {
            tokio::task::yield_now().await;
            cx.clients().caller().send("you", (&id,)).await?;
        }
        Ok(id)
    }
}

#[apply(both_encodings)]
async fn a_shared_hub_is_one_value_for_all_connections() {
    let log = Log::default();
    let server = HubServer::new(Counter::new(&log));
    let mut one = Peer::connect(&server).await;
    let mut two = Peer::connect(&server).await;
    assert_eq!(one.invoke("count", json!([])).await, 201);
    assert_eq!(two.invoke("count", json!([])).await, 202);
    one.leave().await;
    two.leave().await;
    assert_eq!(log.all(), ["made", "end at 202", "end at 202"]);
    drop(server);
    crate::support::settle().await;
    assert_eq!(log.count("dropped"), 1);
}

#[apply(both_encodings)]
async fn a_hub_per_connection_is_made_once_keeps_its_state_and_is_dropped_once() {
    let log = Log::default();
    let made = log.clone();
    let server = HubServer::per_connection(move |cx: Connecting<Counter>| {
        assert_eq!(cx.connection_id().len(), 22);
        let hub = Counter::new(&made);
        async move { Ok(hub) }
    });
    let server = server.build().expect("valid");
    let mut one = Peer::connect(&server).await;
    assert_eq!(one.invoke("count", json!([])).await, 101);
    assert_eq!(one.invoke("count", json!([])).await, 102);
    let mut two = Peer::connect(&server).await;
    assert_eq!(two.invoke("count", json!([])).await, 101);
    assert_eq!(log.all(), ["made", "made"]);
    one.leave().await;
    assert_eq!(log.all(), ["made", "made", "end at 102", "dropped"]);
    two.leave().await;
    assert_eq!(log.all()[4..], ["end at 101", "dropped"]);
}

#[apply(both_encodings)]
async fn a_hub_per_call_is_made_for_each_call_and_each_callback() {
    let log = Log::default();
    let made = log.clone();
    let server = HubServer::per_call(move |_: Connecting<Counter>| {
        let hub = Counter::new(&made);
        async move { Ok(hub) }
    });
    let mut peer = Peer::connect(&server.build().expect("valid")).await;
    assert_eq!(peer.invoke("count", json!([])).await, 1);
    assert_eq!(peer.invoke("count", json!([])).await, 1);
    let pairs = ["made", "dropped"].repeat(3);
    assert_eq!(log.all(), pairs, "on_connected and two calls");
    // No hub for what never runs.
    peer.invoke("nosuch", json!([])).await;
    peer.invoke("count", json!([1])).await;
    assert_eq!(log.all(), pairs);
    peer.leave().await;
    assert_eq!(log.all()[6..], ["made", "end at 0", "dropped"]);
}

/// A factory that fails from its nth use on.
fn failing(
    from: usize,
    public: bool,
) -> impl Fn(Connecting<Counter>) -> std::future::Ready<Result<Counter, HubError>> + Send + Sync {
    let uses = AtomicUsize::new(0);
    move |_| {
        let fails = uses.fetch_add(1, SeqCst) >= from;
        std::future::ready(match (fails, public) {
            (false, _) => Ok(Counter::new(&Log::default())),
            (true, true) => Err(HubError::new("no hubs left")),
            (true, false) => Err(std::io::Error::other("the secret").into()),
        })
    }
}

#[apply(both_encodings)]
async fn a_factory_that_fails_at_first_refuses_the_connection() {
    let close =
        r#"{"type":7,"error":"Connection closed with an error. HubException: no hubs left"}"#;
    let hidden = r#"{"type":7,"error":"Connection closed with an error."}"#;
    for (public, close) in [(true, close), (false, hidden)] {
        for builder in [
            HubServer::per_connection(failing(0, public)),
            HubServer::per_call(failing(0, public)),
        ] {
            let server = builder.build().expect("valid");
            let mut peer = Peer::connect(&server).await;
            peer.expect_close(close).await;
            peer.leave().await;
            assert_eq!(server.connection_count(), 0);
        }
    }
}

#[apply(both_encodings)]
async fn a_factory_that_fails_later_costs_the_call() {
    for (public, detail) in [(true, " HubException: no hubs left"), (false, "")] {
        let server = HubServer::per_call(failing(2, public)).build();
        let server = server.expect("valid");
        let mut peer = Peer::connect(&server).await;
        assert_eq!(peer.invoke("count", json!([])).await, 1);
        for _ in 0..3 {
            let error =
                format!("An unexpected error occurred invoking 'count' on the server.{detail}");
            assert_eq!(
                peer.invoke("count", json!([])).await,
                json!({ "error": error })
            );
        }
        peer.tell("count", json!([])).await;
        peer.expect_silence().await;
        // Not even `on_disconnected` gets a hub.
        peer.leave().await;
        assert_eq!(server.connection_count(), 0);
    }
}

#[apply(both_encodings)]
async fn a_factory_that_panics_costs_the_call() {
    let uses = AtomicUsize::new(0);
    let server = HubServer::per_call(move |_: Connecting<Counter>| {
        assert_ne!(uses.fetch_add(1, SeqCst), 1, "as asked");
        std::future::ready(Ok(Counter::new(&Log::default())))
    });
    let mut peer = Peer::connect(&server.build().expect("valid")).await;
    let error = "An unexpected error occurred invoking 'count' on the server.";
    assert_eq!(
        peer.invoke("count", json!([])).await,
        json!({ "error": error })
    );
    assert_eq!(peer.invoke("count", json!([])).await, 1);
}

#[apply(both_encodings)]
async fn no_lifetime_mixes_callers_up() {
    let make = |_: Connecting<Counter>| std::future::ready(Ok(Counter::new(&Log::default())));
    for builder in [
        HubServer::builder(Counter::new(&Log::default())),
        HubServer::per_connection(make),
        HubServer::per_call(make),
    ] {
        let server = builder.build().expect("valid");
        let mut peers = Vec::new();
        for _ in 0..10 {
            peers.push(Peer::connect(&server).await);
        }
        // All calls run at the same time.
        for peer in &mut peers {
            peer.call("1", "whoami", json!([])).await;
        }
        let mut ids = std::collections::HashSet::new();
        for peer in &mut peers {
            let id = peer.heard("you").await;
            for _ in 1..10 {
                assert_eq!(peer.heard("you").await, id);
            }
            assert_eq!(json!([peer.completion("1").await]), id);
            ids.insert(id.to_string());
        }
        assert_eq!(ids.len(), 10);
    }
}
