//! User code that panics where nobody expects it: it costs what it belongs to, and nothing else.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::SeqCst},
};

use serde::{Deserialize, Deserializer};
use serde_json::json;
use signalr::{Connecting, Context, Error, HubError, HubServer, Receiver, hub};

use crate::support::{Log, Peer, settle};

/// Panics when it is read.
struct Explosive;

impl<'de> Deserialize<'de> for Explosive {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        panic!("the secret of a type")
    }
}

/// Panics when it is copied.
struct Unique;

impl Clone for Unique {
    fn clone(&self) -> Self {
        panic!("the secret of a copy")
    }
}

/// Panics when it is dropped.
struct Unlucky;

impl Drop for Unlucky {
    fn drop(&mut self) {
        panic!("the secret of a drop");
    }
}

#[derive(Clone, Default)]
struct Fragile(Log);

#[hub]
impl Fragile {
    async fn on_disconnected(&self, _: &Context<Self>, _: Option<&Error>) {
        self.0.note("disconnected");
    }

    pub async fn upload(&self, mut items: Receiver<Explosive>) -> String {
        match items.recv().await {
            Some(Ok(_)) => "read".to_owned(),
            Some(Err(error)) => error.to_string(),
            None => "end".to_owned(),
        }
    }

    pub async fn ask(&self, cx: &Context<Self>) -> Result<(), HubError> {
        cx.clients().caller().invoke::<Explosive>("ask", ()).await?;
        Ok(())
    }

    pub fn copy(&self, cx: &Context<Self>) -> bool {
        cx.items().insert(Unique);
        cx.items().get::<Unique>().is_some()
    }

    pub fn keep_unlucky(&self, cx: &Context<Self>) {
        cx.items().insert(Unlucky);
    }

    pub async fn hang(&self) {
        let _unlucky = Unlucky;
        std::future::pending::<()>().await;
    }

    pub fn fine(&self) -> u8 {
        1
    }
}

async fn connect() -> (HubServer<Fragile>, Log, Peer) {
    let hub = Fragile::default();
    let log = hub.0.clone();
    let server = HubServer::new(hub);
    let peer = Peer::connect(&server).await;
    (server, log, peer)
}

#[apply(both_encodings)]
async fn an_upload_whose_items_panic_when_they_are_read_fails_alone() {
    let (_, _, mut peer) = connect().await;
    peer.upload("1", "upload", json!([]), &["u"]).await;
    peer.item("u", json!(1)).await;
    let answer = peer.completion("1").await;
    assert_ne!(answer, "read");
    assert_ne!(answer, "end", "the upload was not whole");
    assert!(!answer.to_string().contains("secret"), "{answer}");
    assert_eq!(peer.invoke("fine", json!([])).await, 1);
}

#[apply(both_encodings)]
async fn an_answer_whose_type_panics_when_it_is_read_fails_the_question() {
    let (_, _, mut peer) = connect().await;
    peer.call("1", "ask", json!([])).await;
    assert_eq!(peer.json().await["target"], "ask");
    peer.send(r#"{"type":3,"invocationId":"s1","result":1}"#)
        .await;
    let error = "An unexpected error occurred invoking 'ask' on the server.";
    assert_eq!(peer.completion("1").await, json!({ "error": error }));
    assert_eq!(peer.invoke("fine", json!([])).await, 1);
}

#[apply(both_encodings)]
async fn an_item_of_a_connection_that_panics_when_it_is_copied_costs_the_call() {
    let (_, _, mut peer) = connect().await;
    for _ in 0..2 {
        let error = "An unexpected error occurred invoking 'copy' on the server.";
        assert_eq!(
            peer.invoke("copy", json!([])).await,
            json!({ "error": error })
        );
    }
    assert_eq!(peer.invoke("fine", json!([])).await, 1);
}

#[apply(both_encodings)]
async fn a_running_call_that_panics_when_it_is_dropped_does_not_spoil_the_end() {
    for how in ["leave", "close"] {
        let (server, log, mut peer) = connect().await;
        peer.tell("hang", json!([])).await;
        peer.expect_silence().await;
        if how == "close" {
            peer.send(r#"{"type":7}"#).await;
            peer.expect_close(r#"{"type":7}"#).await;
        }
        peer.leave().await;
        assert_eq!(log.all(), ["disconnected"], "{how}");
        assert_eq!(server.connection_count(), 0);
    }
}

#[apply(both_encodings)]
async fn a_session_that_panics_when_it_is_dropped_does_not_spoil_the_end() {
    struct Bearer(Log);
    #[hub]
    impl Bearer {
        async fn on_connected(&self, cx: &Connecting<Self>) -> Result<Unlucky, HubError> {
            cx.join("room").await?;
            Ok(Unlucky)
        }

        async fn on_disconnected(&self, _: &Context<Self>, _: Option<&Error>) {
            self.0.note("disconnected");
        }
    }
    let log = Log::default();
    let server = HubServer::new(Bearer(log.clone()));
    for _ in 0..2 {
        let mut peer = Peer::connect(&server).await;
        peer.expect_silence().await;
        peer.leave().await;
    }
    assert_eq!(log.all(), ["disconnected", "disconnected"]);
    assert_eq!((server.connection_count(), server.group_count()), (0, 0));
}

#[apply(both_encodings)]
async fn a_panic_of_one_connection_leaves_the_others_and_the_server_alone() {
    let (server, _, mut victim) = connect().await;
    for (call, answers) in [
        (
            r#"{"type":1,"invocationId":"1","target":"copy","arguments":[]}"#,
            true,
        ),
        (
            r#"{"type":1,"invocationId":"1","target":"keepUnlucky","arguments":[]}"#,
            true,
        ),
        (
            r#"{"type":1,"invocationId":"1","target":"hang","arguments":[]}"#,
            false,
        ),
    ] {
        let mut peer = Peer::open(&server);
        peer.shake_hands().await;
        peer.send(call).await;
        if answers {
            peer.json().await;
        }
        settle().await;
        // However it ends: the task itself may be what panics, as the last owner of the value.
        peer.go().await;
        assert_eq!(victim.invoke("fine", json!([])).await, 1, "{call}");
    }
    assert_eq!((server.connection_count(), server.group_count()), (1, 0));
}

#[apply(both_encodings)]
async fn an_endless_stream_that_is_always_ready_ends_with_its_connection() {
    /// Where the test gives up: the stream ends by itself, or it would block the thread for ever.
    const MANY: usize = 1_000_000;
    struct Source(Arc<AtomicUsize>);
    #[hub]
    impl Source {
        pub fn numbers(&self) -> impl futures_util::Stream<Item = usize> + use<> {
            let count = Arc::clone(&self.0);
            let next = move |_| {
                count.fetch_add(1, SeqCst);
                7
            };
            futures_util::StreamExt::map(futures_util::stream::iter(0..MANY), next)
        }

        pub fn close(&self, cx: &Context<Self>) {
            cx.close(None, false);
        }
    }
    for how in ["close", "shutdown"] {
        let count = Arc::new(AtomicUsize::new(0));
        let server = HubServer::new(Source(Arc::clone(&count)));
        let mut peer = Peer::connect_with(&server, 1_024).await;
        peer.send(r#"{"type":4,"invocationId":"s","target":"numbers","arguments":[]}"#)
            .await;
        settle().await;
        let before = count.load(SeqCst);
        if how == "close" {
            // Some room, so that the call is read.
            for _ in 0..before {
                peer.text().await;
            }
            peer.tell("close", json!([])).await;
            while peer.frame().await.is_some() {}
        } else {
            let server = server.clone();
            tokio::spawn(async move { server.shutdown(std::time::Duration::ZERO).await });
        }
        settle().await;
        let after = count.load(SeqCst);
        assert!(
            after < before + 20_000,
            "{how}: {before} and then {after} items"
        );
    }
}
