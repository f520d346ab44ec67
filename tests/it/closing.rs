//! `abort`, `close` and `aborted`: how hubs end connections, and how they learn of their end.

use std::sync::{Arc, Mutex};

use futures_util::Stream;
use serde_json::json;
use signalr::{Connecting, Context, Error, HubError, HubServer, hub};
use tokio::time::Instant;

use crate::support::{Encoding, Log, Peer, settle, since, soon, wait};

#[derive(Clone, Default)]
struct Doors {
    log: Log,
    kept: Arc<Mutex<Vec<Context<Self>>>>,
}

impl Doors {
    fn kept(&self) -> Context<Self> {
        self.kept.lock().expect("not poisoned")[0].clone()
    }
}

#[hub]
impl Doors {
    async fn on_connected(&self, _: &Connecting<Self>) -> Result<(), HubError> {
        Ok(())
    }

    async fn on_disconnected(&self, _: &Context<Self>, reason: Option<&Error>) {
        assert!(reason.is_none());
        self.log.note("disconnected");
    }

    pub fn keep(&self, cx: &Context<Self>) -> String {
        self.kept.lock().expect("not poisoned").push(cx.clone());
        cx.connection_id().to_string()
    }

    pub fn note(&self, text: &str) {
        self.log.note(text);
    }

    pub async fn abort(&self, cx: &Context<Self>) -> Result<u8, HubError> {
        cx.clients().caller().send("before", ()).await?;
        assert!(!cx.is_aborted());
        cx.abort();
        assert!(cx.is_aborted());
        cx.clients().caller().send("after", ()).await?;
        cx.clients().all().send("after", ()).await?;
        cx.join("room").await?;
        cx.aborted().await;
        self.log.note("sent after the abort");
        Ok(1)
    }

    pub async fn close(
        &self,
        cx: &Context<Self>,
        reason: Option<&str>,
        allow: bool,
    ) -> Result<(), HubError> {
        cx.clients().caller().send("before", ()).await?;
        cx.close(reason, allow);
        cx.clients().caller().send("after", ()).await?;
        Ok(())
    }

    pub fn close_twice(&self, cx: &Context<Self>) {
        cx.close(Some("first"), true);
        cx.close(Some("second"), false);
    }

    pub fn close_and_abort(&self, cx: &Context<Self>) {
        cx.close(Some("first"), true);
        cx.abort();
    }

    pub async fn hang(&self) {
        let _end = self.log.on_drop("call dropped");
        std::future::pending::<()>().await;
    }

    pub fn endless(&self) -> impl Stream<Item = u8> + use<> {
        let end = self.log.on_drop("stream dropped");
        futures_util::stream::poll_fn(move |_| {
            let _ = &end;
            std::task::Poll::Pending
        })
    }

    pub fn watch(&self, cx: &Context<Self>) {
        let (ended, log) = (cx.aborted(), self.log.clone());
        tokio::spawn(async move {
            ended.await;
            log.note("aborted");
        });
    }
}

#[apply(both_encodings)]
async fn abort_sends_a_bare_close_behind_what_was_sent_and_drops_the_rest() {
    let hub = Doors::default();
    let server = HubServer::new(hub.clone());
    let mut other = Peer::connect(&server).await;
    let mut peer = Peer::connect(&server).await;
    let start = Instant::now();
    peer.call("1", "abort", json!([])).await;
    peer.heard("before").await;
    peer.expect_close(r#"{"type":7}"#).await;
    assert_eq!(since(start), 0);
    peer.leave().await;
    assert_eq!(hub.log.all(), ["sent after the abort", "disconnected"]);
    assert_eq!(other.heard("after").await, json!([]));
    assert_eq!((server.connection_count(), server.group_count()), (1, 0));
}

#[apply(both_encodings)]
async fn close_writes_its_reason_and_permission_and_nothing_that_is_absent() {
    let server = HubServer::new(Doors::default());
    for (reason, allow, close) in [
        (None, false, r#"{"type":7}"#),
        (None, true, r#"{"type":7,"allowReconnect":true}"#),
        (Some("bye"), false, r#"{"type":7,"error":"bye"}"#),
        (
            Some("bye"),
            true,
            r#"{"type":7,"error":"bye","allowReconnect":true}"#,
        ),
        // An empty text is one in JSON, and none in MessagePack.
        (
            Some(""),
            false,
            match Encoding::of_this_test() {
                Encoding::Json => r#"{"type":7,"error":""}"#,
                Encoding::MessagePack => r#"{"type":7}"#,
            },
        ),
        (
            Some("a \"b\"\u{1e}"),
            false,
            r#"{"type":7,"error":"a \"b\"\u001e"}"#,
        ),
    ] {
        let mut peer = Peer::connect(&server).await;
        let start = Instant::now();
        peer.call("1", "close", json!([reason, allow])).await;
        peer.heard("before").await;
        peer.expect_close(close).await;
        assert!(since(start) < 1_000);
        peer.leave().await;
    }
    assert_eq!(server.connection_count(), 0);
}

#[apply(both_encodings)]
async fn the_first_close_counts_and_an_abort_takes_the_permission_back() {
    let server = HubServer::new(Doors::default());
    let mut peer = Peer::connect(&server).await;
    peer.tell("closeTwice", json!([])).await;
    peer.expect_close(r#"{"type":7,"error":"first","allowReconnect":true}"#)
        .await;
    let mut peer = Peer::connect(&server).await;
    peer.tell("closeAndAbort", json!([])).await;
    peer.expect_close(r#"{"type":7,"error":"first"}"#).await;
}

#[apply(both_encodings)]
async fn calls_behind_one_that_aborts_or_closes_do_not_start() {
    for method in ["abort", "closeTwice"] {
        let hub = Doors::default();
        let mut peer = Peer::connect(&HubServer::new(hub.clone())).await;
        let abort = format!(r#"{{"type":1,"target":"{method}","arguments":[]}}"#);
        let note = r#"{"type":1,"target":"note","arguments":["called"]}"#;
        peer.send_all(&[&abort, note, note]).await;
        peer.leave().await;
        assert_eq!(hub.log.count("called"), 0, "{method}");
    }
}

#[apply(both_encodings)]
async fn a_context_that_was_kept_can_end_the_connection_from_anywhere() {
    let hub = Doors::default();
    let server = HubServer::new(hub.clone());
    let mut peer = Peer::connect(&server).await;
    peer.invoke("keep", json!([])).await;
    // Even while a call hangs.
    peer.tell("hang", json!([])).await;
    settle().await;
    hub.kept().close(Some("from outside"), false);
    peer.expect_close(r#"{"type":7,"error":"from outside"}"#)
        .await;
    peer.leave().await;
    assert_eq!(hub.log.all(), ["call dropped", "disconnected"]);
}

#[apply(both_encodings)]
async fn a_context_kept_beyond_the_connection_stays_readable_and_sends_nowhere() {
    let hub = Doors::default();
    let server = HubServer::new(hub.clone());
    let mut peer = Peer::connect(&server).await;
    let id = peer.invoke("keep", json!([])).await;
    peer.leave().await;
    let cx = hub.kept();
    assert_eq!(json!(cx.connection_id()), id);
    assert!(cx.is_aborted());
    soon(cx.aborted()).await;
    cx.clients().caller().send("x", ()).await.expect("vanishes");
    cx.join("room").await.expect("nothing happens");
    cx.groups()
        .add(cx.connection_id(), "room")
        .await
        .expect("nothing happens");
    cx.close(None, true);
    cx.abort();
    assert_eq!((server.connection_count(), server.group_count()), (0, 0));
}

#[apply(both_encodings)]
async fn aborted_fires_for_background_work_before_on_disconnected_returns() {
    for end in [
        r#"{"type":7}"#,
        r#"{"type":1,"target":"closeTwice","arguments":[]}"#,
        "",
    ] {
        let hub = Doors::default();
        let mut peer = Peer::connect(&HubServer::new(hub.clone())).await;
        peer.invoke("watch", json!([])).await;
        wait(1_000).await;
        assert_eq!(hub.log.all(), [""; 0]);
        if !end.is_empty() {
            peer.send(end).await;
        }
        peer.leave().await;
        settle().await;
        assert_eq!(hub.log.count("aborted"), 1, "{end}");
        assert_eq!(hub.log.count("disconnected"), 1, "{end}");
    }
}

#[apply(both_encodings)]
async fn running_calls_and_streams_are_dropped_before_on_disconnected() {
    let hub = Doors::default();
    let mut peer = Peer::connect(&HubServer::new(hub.clone())).await;
    peer.send(r#"{"type":4,"invocationId":"1","target":"endless","arguments":[]}"#)
        .await;
    peer.call("2", "hang", json!([])).await;
    // Waits for its turn for ever.
    peer.call("3", "note", json!(["called"])).await;
    peer.expect_silence().await;
    peer.leave().await;
    let mut log = hub.log.all();
    assert_eq!(log.pop().as_deref(), Some("disconnected"));
    log.sort_unstable();
    assert_eq!(log, ["call dropped", "stream dropped"]);
}

#[apply(both_encodings)]
async fn messages_behind_a_close_message_are_not_looked_at() {
    let hub = Doors::default();
    let mut peer = Peer::connect(&HubServer::new(hub.clone())).await;
    let note = r#"{"type":1,"invocationId":"1","target":"note","arguments":["x"]}"#;
    peer.send_all(&[r#"{"type":7}"#, note]).await;
    peer.send_nonsense().await;
    peer.expect_close(r#"{"type":7}"#).await;
    peer.leave().await;
    assert_eq!(hub.log.all(), ["disconnected"]);
}

#[apply(both_encodings)]
async fn a_client_that_does_not_close_its_side_is_let_go_after_five_seconds() {
    let hub = Doors::default();
    let server = HubServer::new(hub.clone());
    let mut peer = Peer::connect(&server).await;
    peer.tell("abort", json!([])).await;
    peer.heard("before").await;
    peer.expect_close(r#"{"type":7}"#).await;
    // The hub does not wait for it.
    settle().await;
    assert_eq!(hub.log.count("disconnected"), 1);
    let start = Instant::now();
    soon(server.closed()).await;
    let after = since(start);
    assert!((4_000..=6_000).contains(&after), "after {after} ms");
    drop(peer);
}
