//! `on_disconnected`: once for every connection that was accepted, with the reason, and with the connection still known.

use std::{sync::Arc, time::Duration};

use serde_json::json;
use signalr::{Connecting, Context, Error, HubError, HubServer, HubServerBuilder, hub};
use tokio::sync::Semaphore;

use crate::support::{Log, Peer, soon, wait};

/// Notes the end of a session.
struct Session {
    name: String,
    _end: crate::support::OnDrop,
}

#[derive(Clone, Default)]
struct Watched(Log);

#[hub]
impl Watched {
    async fn on_connected(&self, _: &Connecting<Self>) -> Result<Session, HubError> {
        self.0.note("connected");
        Ok(Session {
            name: "ada".to_owned(),
            _end: self.0.on_drop("session dropped"),
        })
    }

    async fn on_disconnected(&self, cx: &Context<Self>, reason: Option<&Error>) {
        assert_eq!(cx.session().name, "ada");
        assert!(cx.is_aborted());
        cx.aborted().await;
        tokio::task::yield_now().await;
        self.0.note(match reason {
            None => "disconnected".to_owned(),
            Some(reason) => format!(
                "disconnected: {reason} ({}{}{}{})",
                if reason.is_protocol() { "protocol" } else { "" },
                if reason.is_timeout() { "timeout" } else { "" },
                if reason.is_closed() { "closed " } else { "" },
                reason.remote_message().unwrap_or_default(),
            ),
        });
    }

    pub fn abort(&self, cx: &Context<Self>) {
        cx.abort();
    }

    pub fn close(&self, cx: &Context<Self>) {
        cx.close(Some("bye"), true);
    }

    pub async fn wait(&self) {
        let _end = self.0.on_drop("call dropped");
        std::future::pending::<()>().await;
    }
}

fn builder(hub: &Watched) -> HubServerBuilder<Watched> {
    HubServer::builder(hub.clone())
        .keep_alive(Duration::from_secs(1))
        .client_timeout(Duration::from_secs(3))
}

/// Ends a connection in some way; the last messages must be `close`, and the hub must hear `reason`, once.
async fn ends(how: &str, close: Option<&str>, reason: &str) {
    let hub = Watched::default();
    let server = builder(&hub).build().expect("valid");
    let mut peer = Peer::connect(&server).await;
    peer.tell("wait", json!([])).await;
    match how {
        "leave" => {}
        "finish" => peer.finish().await,
        "time out" => {}
        "abort" | "close" => {
            // Another connection's call would wait behind `wait`.
            peer.leave().await;
            peer = Peer::connect(&server).await;
            peer.tell(how, json!([])).await;
        }
        message => peer.send(message).await,
    }
    if let Some(close) = close {
        peer.expect_close(close).await;
    }
    soon(peer.leave()).await;
    let mut expected = vec!["connected", "call dropped", reason, "session dropped"];
    if how == "abort" || how == "close" {
        expected = vec![
            "connected",
            "call dropped",
            "disconnected",
            "session dropped",
        ];
        expected.extend(["connected", reason, "session dropped"]);
    }
    assert_eq!(hub.0.all(), expected, "{how}");
    assert_eq!(server.connection_count(), 0);
}

#[apply(both_encodings)]
async fn a_client_that_leaves_gives_no_reason() {
    ends("leave", None, "disconnected").await;
}

#[apply(both_encodings)]
async fn a_client_that_stops_sending_may_come_back_and_gives_no_reason() {
    ends(
        "finish",
        Some(r#"{"type":7,"allowReconnect":true}"#),
        "disconnected",
    )
    .await;
}

#[apply(both_encodings)]
async fn a_close_message_is_answered_and_gives_no_reason() {
    for close in [
        r#"{"type":7}"#,
        r#"{"type":7,"allowReconnect":false}"#,
        r#"{"type":7,"allowReconnect":true}"#,
    ] {
        ends(close, Some(r#"{"type":7}"#), "disconnected").await;
    }
}

#[apply(both_encodings)]
async fn a_close_message_with_an_error_gives_its_text_as_the_reason() {
    ends(
        r#"{"type":7,"error":"no \"more\""}"#,
        Some(r#"{"type":7}"#),
        r#"disconnected: no "more" (closed no "more")"#,
    )
    .await;
}

#[apply(both_encodings)]
async fn abort_and_close_give_no_reason() {
    ends("abort", Some(r#"{"type":7}"#), "disconnected").await;
    let close = r#"{"type":7,"error":"bye","allowReconnect":true}"#;
    ends("close", Some(close), "disconnected").await;
}

#[apply(both_encodings)]
async fn silence_gives_the_timeout_as_the_reason() {
    ends(
        "time out",
        Some(r#"{"type":7,"error":"Connection closed with an error.","allowReconnect":true}"#),
        "disconnected: Client hasn't sent a message/ping within the configured ClientTimeoutInterval. (timeout)",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_protocol_error_is_the_reason() {
    ends(
        "42",
        Some(r#"{"type":7,"error":"Connection closed with an error.","allowReconnect":true}"#),
        "disconnected: Unexpected JSON Token Type 'Number'. Expected a JSON Object. (protocol)",
    )
    .await;
}

/// Whatever a hub does in `on_disconnected`.
#[derive(Clone)]
struct Farewell {
    log: Log,
    gate: Arc<Semaphore>,
}

impl Farewell {
    fn new(permits: usize) -> Self {
        Self {
            log: Log::default(),
            gate: Arc::new(Semaphore::new(permits)),
        }
    }
}

#[hub]
impl Farewell {
    async fn on_connected(&self, cx: &Connecting<Self>) -> Result<(), HubError> {
        Ok(cx.join("room").await?)
    }

    async fn on_disconnected(&self, cx: &Context<Self>, _: Option<&Error>) {
        let id = cx.connection_id();
        cx.clients()
            .group("room")
            .send("group", (id,))
            .await
            .expect("sent");
        cx.clients()
            .others_in_group("room")
            .send("others", (id,))
            .await
            .expect("sent");
        cx.clients()
            .caller()
            .send("caller", ())
            .await
            .expect("vanishes");
        let asked = cx.clients().caller().invoke::<u8>("name", ()).await;
        self.log
            .note(asked.expect_err("gone").to_string().replace(&**id, "<id>"));
        self.gate.acquire().await.expect("the gate stays").forget();
        assert!(cx.items().get::<&str>().is_none(), "as asked");
        self.log.note("done");
    }

    pub fn panic_later(&self, cx: &Context<Self>) {
        cx.items().insert("panic");
    }

    pub fn id(&self, cx: &Context<Self>) -> String {
        cx.connection_id().to_string()
    }
}

#[apply(both_encodings)]
async fn the_connection_is_still_in_its_groups_and_what_is_sent_to_it_vanishes() {
    let hub = Farewell::new(0);
    let server = HubServer::new(hub.clone());
    let mut peer = Peer::connect(&server).await;
    peer.expect_silence().await;
    peer.send(r#"{"type":7}"#).await;
    peer.expect_close(r#"{"type":7}"#).await;
    // It is the only member, and `on_disconnected` still runs.
    assert_eq!((server.connection_count(), server.group_count()), (1, 1));
    hub.gate.add_permits(1);
    soon(peer.leave()).await;
    assert_eq!((server.connection_count(), server.group_count()), (0, 0));
    assert_eq!(hub.log.all(), ["Connection '<id>' disconnected.", "done"]);
}

#[apply(both_encodings)]
async fn the_others_in_its_groups_can_be_told() {
    let server = HubServer::new(Farewell::new(10));
    let mut stays = Peer::connect(&server).await;
    let mut leaves = Peer::connect(&server).await;
    let id = leaves.invoke("id", json!([])).await;
    leaves.leave().await;
    assert_eq!(stays.heard("group").await, json!([id]));
    assert_eq!(stays.heard("others").await, json!([id]));
    stays.expect_silence().await;
}

#[apply(both_encodings)]
async fn a_slow_on_disconnected_holds_up_nobody_else() {
    let hub = Farewell::new(0);
    let server = HubServer::new(hub.clone());
    let mut stays = Peer::connect(&server).await;
    let leaves = Peer::connect(&server).await;
    let left = tokio::spawn(leaves.leave());
    stays.heard("group").await;
    stays.heard("others").await;
    wait(20_000).await;
    assert!(!left.is_finished(), "serving ends after `on_disconnected`");
    stays.expect_silence().await;
    hub.gate.add_permits(1);
    left.await.expect("the connection ends");
}

#[apply(both_encodings)]
async fn a_panic_in_on_disconnected_harms_nobody() {
    let hub = Farewell::new(10);
    let server = HubServer::new(hub.clone());
    let mut stays = Peer::connect(&server).await;
    for _ in 0..3 {
        let mut leaves = Peer::connect(&server).await;
        leaves.invoke("panicLater", json!([])).await;
        leaves.leave().await;
        stays.heard("group").await;
        stays.heard("others").await;
    }
    assert_eq!(hub.log.count("done"), 0);
    assert_eq!((server.connection_count(), server.group_count()), (1, 1));
    stays.expect_silence().await;
    let mut late = Peer::connect(&server).await;
    late.expect_silence().await;
}

#[apply(both_encodings)]
async fn it_runs_once_for_each_of_a_hundred_connections_that_end_in_different_ways() {
    let hub = Watched::default();
    let server = builder(&hub).build().expect("valid");
    for round in 0..100 {
        let mut peer = Peer::connect(&server).await;
        match round % 5 {
            0 => {}
            1 => peer.send(r#"{"type":7}"#).await,
            2 => peer.send_nonsense().await,
            3 => peer.tell("abort", json!([])).await,
            _ => {
                // All at once.
                peer.tell("abort", json!([])).await;
                peer.send(r#"{"type":7}"#).await;
                peer.send_nonsense().await;
            }
        }
        peer.leave().await;
    }
    let log = hub.0.all();
    let ends = log.iter().filter(|event| event.starts_with("disconnected"));
    assert_eq!(ends.count(), 100);
    assert_eq!(hub.0.count("connected"), 100);
    assert_eq!(hub.0.count("session dropped"), 100);
    assert_eq!(server.connection_count(), 0);
}
