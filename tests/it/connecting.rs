//! `on_connected`: what comes before it, during it and after it.

use std::{sync::Arc, time::Duration};

use serde_json::json;
use signalr::{Connecting, Context, Error, HubError, HubServer, hub};
use tokio::sync::Semaphore;

use crate::support::{Log, PING, Peer, settle, wait};

/// `on_connected` waits at a gate, and says so before and after.
#[derive(Clone)]
struct Slow {
    log: Log,
    gate: Arc<Semaphore>,
}

impl Slow {
    fn new() -> Self {
        Self {
            log: Log::default(),
            gate: Arc::new(Semaphore::new(0)),
        }
    }
}

#[hub]
impl Slow {
    async fn on_connected(&self, cx: &Connecting<Self>) -> Result<(), HubError> {
        self.log.note("connecting");
        cx.clients().caller().send("before", ()).await?;
        self.gate.acquire().await.expect("the gate stays").forget();
        cx.clients().caller().send("after", ()).await?;
        cx.join("room").await?;
        self.log.note("connected");
        Ok(())
    }

    async fn on_disconnected(&self, _: &Context<Self>, reason: Option<&Error>) {
        self.log.note(format!("disconnected {}", reason.is_some()));
    }

    pub fn note(&self, text: String) -> String {
        self.log.note(&*text);
        text
    }
}

#[apply(both_encodings)]
async fn calls_wait_for_on_connected_and_then_run_in_order() {
    let hub = Slow::new();
    let mut peer = Peer::connect(&HubServer::new(hub.clone())).await;
    for text in ["one", "two"] {
        peer.call(text, "note", json!([text])).await;
    }
    peer.call("bad", "nosuch", json!([])).await;
    peer.heard("before").await;
    wait(10_000).await;
    assert_eq!(hub.log.all(), ["connecting"]);
    hub.gate.add_permits(1);
    peer.heard("after").await;
    assert_eq!(peer.completion("one").await, "one");
    assert_eq!(peer.completion("two").await, "two");
    assert!(peer.completion("bad").await["error"].is_string());
    assert_eq!(hub.log.all(), ["connecting", "connected", "one", "two"]);
}

#[apply(both_encodings)]
async fn calls_in_the_same_chunk_as_the_handshake_wait_too() {
    let hub = Slow::new();
    let mut peer = Peer::open(&HubServer::new(hub.clone()));
    peer.start_handshake_with(&[r#"{"type":1,"target":"note","arguments":["one"]}"#])
        .await;
    assert_eq!(peer.text().await, "{}");
    peer.heard("before").await;
    settle().await;
    assert_eq!(hub.log.all(), ["connecting"]);
    hub.gate.add_permits(1);
    peer.heard("after").await;
    peer.expect_silence().await;
    assert_eq!(hub.log.all(), ["connecting", "connected", "one"]);
}

#[apply(both_encodings)]
async fn broadcasts_reach_a_connection_whose_on_connected_still_runs() {
    let hub = Slow::new();
    let server = HubServer::new(hub.clone());
    let mut peer = Peer::connect(&server).await;
    peer.heard("before").await;
    let all = server.context().clients().all();
    all.send("news", (1,)).await.expect("sent");
    assert_eq!(peer.heard("news").await, json!([1]));
    hub.gate.add_permits(1);
    peer.heard("after").await;
}

#[apply(both_encodings)]
async fn pings_go_out_and_nobody_times_out_while_on_connected_runs() {
    let hub = Slow::new();
    let mut peer = Peer::connect(&HubServer::new(hub.clone())).await;
    peer.heard("before").await;
    wait(100_000).await;
    let pings = 100 / 15;
    for _ in 0..pings {
        assert_eq!(peer.frame().await.as_deref(), Some(PING));
    }
    hub.gate.add_permits(1);
    peer.heard("after").await;
    assert_eq!(peer.invoke("note", json!(["x"])).await, "x");
}

#[apply(both_encodings)]
async fn on_connected_runs_to_its_end_when_the_client_has_left_meanwhile() {
    let hub = Slow::new();
    let server = HubServer::new(hub.clone());
    let mut peer = Peer::connect(&server).await;
    peer.heard("before").await;
    let left = tokio::spawn(peer.leave());
    wait(60_000).await;
    assert_eq!(hub.log.all(), ["connecting"]);
    hub.gate.add_permits(1);
    left.await.expect("the connection ends");
    let log = hub.log.all();
    assert_eq!(log[..2], ["connecting", "connected"]);
    assert_eq!(log.len(), 3, "{log:?}");
    assert!(log[2].starts_with("disconnected"));
    assert_eq!((server.connection_count(), server.group_count()), (0, 0));
}

/// Refuses every connection in the way that was asked for.
#[derive(Clone)]
struct Refusing {
    how: &'static str,
    log: Log,
}

#[hub]
impl Refusing {
    async fn on_connected(&self, cx: &Connecting<Self>) -> Result<(), HubError> {
        cx.join("room").await?;
        cx.clients().caller().send("welcome", ()).await?;
        match self.how {
            "public" => Err(HubError::new("members \"only\"")),
            "named" => Err(HubError::named("Banned", "for ever")),
            "private" => Err(std::io::Error::other("the secret"))?,
            "panic" => panic!("the secret"),
            "abort" => {
                cx.abort();
                Ok(())
            }
            "close" => {
                cx.close(Some("full"), true);
                Ok(())
            }
            how => unreachable!("{how}"),
        }
    }

    async fn on_disconnected(&self, _: &Context<Self>, reason: Option<&Error>) {
        assert!(reason.is_none());
        self.log.note("disconnected");
    }

    pub fn call(&self) {
        self.log.note("called");
    }
}

/// Connects, sends a call, and expects `close` and the end; what the hub has noted.
async fn refused(how: &'static str, detailed: bool, close: &str) -> Vec<String> {
    let log = Log::default();
    let hub = Refusing {
        how,
        log: log.clone(),
    };
    let server = HubServer::builder(hub).detailed_errors(detailed).build();
    let server = server.expect("valid");
    let mut peer = Peer::open(&server);
    peer.start_handshake().await;
    peer.send(r#"{"type":1,"target":"call","arguments":[]}"#)
        .await;
    assert_eq!(peer.text().await, "{}");
    peer.heard("welcome").await;
    peer.expect_close(close).await;
    let all = server.context().clients().group("room");
    all.send("too late", ()).await.expect("nobody is there");
    peer.leave().await;
    assert_eq!((server.connection_count(), server.group_count()), (0, 0));
    log.all()
}

#[apply(both_encodings)]
async fn a_refusal_tells_the_public_text_and_not_to_come_back() {
    for detailed in [false, true] {
        let close = r#"{"type":7,"error":"Connection closed with an error. HubException: members \"only\""}"#;
        assert_eq!(refused("public", detailed, close).await, [""; 0]);
        let close = r#"{"type":7,"error":"Connection closed with an error. Banned: for ever"}"#;
        assert_eq!(refused("named", detailed, close).await, [""; 0]);
    }
}

#[apply(both_encodings)]
async fn a_refusal_hides_an_inner_error_unless_details_are_on() {
    let close = r#"{"type":7,"error":"Connection closed with an error."}"#;
    assert_eq!(refused("private", false, close).await, [""; 0]);
    let close = r#"{"type":7,"error":"Connection closed with an error. Error: the secret"}"#;
    assert_eq!(refused("private", true, close).await, [""; 0]);
}

#[apply(both_encodings)]
async fn a_panic_in_on_connected_refuses_that_connection_only() {
    let close = r#"{"type":7,"error":"Connection closed with an error."}"#;
    assert_eq!(refused("panic", false, close).await, [""; 0]);

    #[derive(Default)]
    struct Moody(std::sync::atomic::AtomicUsize);
    #[hub]
    impl Moody {
        async fn on_connected(&self, cx: &Connecting<Self>) -> Result<(), HubError> {
            assert!(
                cx.items().get::<u8>().is_some()
                    || self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst) != 1
            );
            Ok(())
        }

        pub fn fine(&self) -> u8 {
            1
        }
    }
    let server = HubServer::new(Moody::default());
    let mut first = Peer::connect(&server).await;
    settle().await;
    let mut second = Peer::connect(&server).await;
    second.expect_close(close).await;
    let mut third = Peer::connect(&server).await;
    assert_eq!(first.invoke("fine", json!([])).await, 1);
    assert_eq!(third.invoke("fine", json!([])).await, 1);
}

#[apply(both_encodings)]
async fn on_connected_may_abort_or_close_the_connection_that_it_accepts() {
    assert_eq!(
        refused("abort", false, r#"{"type":7}"#).await,
        ["disconnected"]
    );
    let close = r#"{"type":7,"error":"full","allowReconnect":true}"#;
    assert_eq!(refused("close", false, close).await, ["disconnected"]);
}

#[apply(both_encodings)]
async fn client_results_are_not_allowed_inside_on_connected() {
    struct Curious(Log);
    #[hub]
    impl Curious {
        async fn on_connected(&self, cx: &Connecting<Self>) -> Result<(), HubError> {
            let clients = cx.clients();
            let typed = clients.caller().invoke::<u8>("name", ()).await;
            let other = clients.client("somebody").invoke::<u8>("name", ()).await;
            for answer in [typed, other] {
                self.0.note(answer.expect_err("not here").to_string());
            }
            Ok(())
        }
    }
    let log = Log::default();
    let mut peer = Peer::connect(&HubServer::new(Curious(log.clone()))).await;
    peer.expect_silence().await;
    let text = "Client results inside OnConnectedAsync Hub methods are not allowed.";
    assert_eq!(log.all(), [text, text]);
}

#[apply(both_encodings)]
async fn a_slow_on_connected_holds_up_nobody_else() {
    let hub = Slow::new();
    let server = HubServer::new(hub.clone());
    hub.gate.add_permits(1);
    let mut first = Peer::connect(&server).await;
    first.heard("before").await;
    first.heard("after").await;
    let mut second = Peer::connect(&server).await;
    second.heard("before").await;
    let answer = first.invoke("note", json!(["x"]));
    let answer = tokio::time::timeout(Duration::from_millis(1), answer).await;
    assert_eq!(answer.expect("at once"), "x");
}
