//! A backplane that fails: whoever asked it learns of it, and nothing hangs or leaks.

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use serde_json::json;
use signalr::{
    Backplane, ConnectionId, Context, Error, HubError, HubServer, Local, LocalConnections,
    OutboundMessage, Recipients, hub,
};

use crate::support::{Log, Peer, soon};

type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Lets connections come and go, and does nothing else.
#[derive(Default)]
struct Broken {
    local: Local,
    log: Log,
}

fn fails<T: Send + 'static>() -> BoxFuture<Result<T, Error>> {
    Box::pin(async { Err(std::io::Error::other("the network is down").into()) })
}

impl Backplane for Broken {
    fn attach(&self, local: LocalConnections) {
        self.local.attach(local);
    }

    fn connected(&self, id: &ConnectionId, _: Option<&str>) -> BoxFuture<Result<(), Error>> {
        self.log.note(format!("connected {id}"));
        Box::pin(async { Ok(()) })
    }

    fn disconnected(&self, id: &ConnectionId, _: Option<&str>) -> BoxFuture<()> {
        self.log.note(format!("disconnected {id}"));
        Box::pin(async {})
    }

    fn send(&self, _: Recipients, _: OutboundMessage) -> BoxFuture<Result<(), Error>> {
        fails()
    }

    fn join(&self, _: ConnectionId, _: Arc<str>) -> BoxFuture<Result<(), Error>> {
        fails()
    }

    fn leave(&self, _: ConnectionId, _: Arc<str>) -> BoxFuture<Result<(), Error>> {
        fails()
    }
}

struct News(Duration);

#[hub]
impl News {
    async fn on_disconnected(&self, _: &Context<Self>, _: Option<&Error>) {
        tokio::time::sleep(self.0).await;
    }

    pub async fn publish(&self, cx: &Context<Self>) -> Result<(), HubError> {
        Ok(cx.clients().all().send("news", ()).await?)
    }

    pub async fn join(&self, cx: &Context<Self>) -> Result<(), HubError> {
        Ok(cx.join("room").await?)
    }

    pub async fn leave(&self, cx: &Context<Self>) -> Result<(), HubError> {
        Ok(cx.leave("room").await?)
    }

    pub async fn ask(&self, cx: &Context<Self>) -> Result<u8, HubError> {
        Ok(cx.clients().caller().invoke::<u8>("ask", ()).await?)
    }

    pub fn fine(&self) -> u8 {
        1
    }
}

fn server(last: Duration) -> (HubServer<News>, Log) {
    let backplane = Broken::default();
    let log = backplane.log.clone();
    let server = HubServer::builder(News(last)).backplane(backplane).build();
    (server.expect("valid"), log)
}

#[apply(both_encodings)]
async fn methods_get_the_error_and_the_connection_lives() {
    let (server, _) = server(Duration::ZERO);
    let mut peer = Peer::connect(&server).await;
    for method in ["publish", "join", "leave"] {
        let text = format!("An unexpected error occurred invoking '{method}' on the server.");
        assert_eq!(
            peer.invoke(method, json!([])).await,
            json!({ "error": text })
        );
    }
    assert_eq!(peer.invoke("fine", json!([])).await, 1);
}

#[apply(both_encodings)]
async fn a_question_that_cannot_be_sent_fails_instead_of_waiting() {
    let (server, _) = server(Duration::ZERO);
    let mut peer = Peer::connect(&server).await;
    let answer = tokio::time::timeout(Duration::from_secs(5), peer.invoke("ask", json!([])));
    let text = "An unexpected error occurred invoking 'ask' on the server.";
    assert_eq!(answer.await.expect("an answer"), json!({ "error": text }));
}

#[apply(both_encodings)]
async fn whoever_was_announced_is_signed_off_even_at_the_deadline_of_a_shutdown() {
    let (server, log) = server(Duration::from_secs(3_600));
    let mut peer = Peer::connect(&server).await;
    peer.expect_silence().await;
    soon(server.shutdown(Duration::from_secs(1))).await;
    crate::support::settle().await;
    let log = log.all();
    let id = log[0].strip_prefix("connected ").expect("announced");
    assert_eq!(log[1..], [format!("disconnected {id}")]);
}
