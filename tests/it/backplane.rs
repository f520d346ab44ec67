//! A backplane of one's own is asked for everything.

use std::{future::Future, pin::Pin, sync::Arc};

use serde_json::json;
use signalr::{
    Backplane, ConnectionId, Context, Error, HubError, HubServer, Local, LocalConnections,
    OutboundMessage, Recipients, hub,
};

use crate::support::{Log, Peer};

type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

#[derive(Default)]
struct Recording {
    local: Local,
    log: Log,
    refuses: bool,
    fails: bool,
}

fn broken() -> Error {
    std::io::Error::other("the network is down").into()
}

impl Backplane for Recording {
    fn attach(&self, local: LocalConnections) {
        self.log.note("attach");
        self.local.attach(local);
    }

    fn connected(&self, _: &ConnectionId, user: Option<&str>) -> BoxFuture<Result<(), Error>> {
        self.log.note(format!("connected {user:?}"));
        let result = if self.refuses { Err(broken()) } else { Ok(()) };
        Box::pin(async move { result })
    }

    fn disconnected(&self, _: &ConnectionId, _: Option<&str>) -> BoxFuture<()> {
        self.log.note("disconnected");
        Box::pin(async {})
    }

    fn send(&self, to: Recipients, message: OutboundMessage) -> BoxFuture<Result<(), Error>> {
        let kind = match &to {
            Recipients::All => "all",
            Recipients::Connection(_) => "connection",
            Recipients::Group(_) => "group",
            _ => "others",
        };
        self.log.note(format!("send to {kind}"));
        if self.fails {
            return Box::pin(async { Err(broken()) });
        }
        self.local.send(to, message)
    }

    fn join(&self, connection: ConnectionId, group: Arc<str>) -> BoxFuture<Result<(), Error>> {
        self.log.note(format!("join {group}"));
        self.local.join(connection, group)
    }

    fn leave(&self, connection: ConnectionId, group: Arc<str>) -> BoxFuture<Result<(), Error>> {
        self.log.note(format!("leave {group}"));
        self.local.leave(connection, group)
    }
}

struct News;

#[hub]
impl News {
    pub async fn publish(&self, cx: &Context<Self>) -> Result<(), HubError> {
        cx.join("readers").await?;
        cx.clients().all().send("all", ()).await?;
        cx.clients().caller().send("caller", ()).await?;
        cx.clients().group("readers").send("group", ()).await?;
        Ok(cx.leave("readers").await?)
    }
}

fn server(backplane: Recording) -> (HubServer<News>, Log) {
    let log = backplane.log.clone();
    let server = HubServer::builder(News)
        .user_id(|_| Some("ann".to_owned()))
        .backplane(backplane)
        .build();
    (server.expect("valid options"), log)
}

#[apply(both_encodings)]
async fn it_sees_every_connection_send_and_group() {
    let (server, log) = server(Recording::default());
    let mut peer = Peer::connect(&server).await;
    peer.call("1", "publish", json!([])).await;
    for target in ["all", "caller", "group"] {
        peer.heard(target).await;
    }
    peer.completion("1").await;
    peer.leave().await;
    assert_eq!(
        log.all(),
        [
            "attach",
            "connected Some(\"ann\")",
            "join readers",
            "send to all",
            "send to connection",
            "send to group",
            "leave readers",
            "disconnected",
        ]
    );
}

#[apply(both_encodings)]
async fn it_may_refuse_a_connection() {
    let (server, log) = server(Recording {
        refuses: true,
        ..Recording::default()
    });
    let mut peer = Peer::connect(&server).await;
    peer.expect_close(r#"{"type":7,"error":"Connection closed with an error."}"#)
        .await;
    peer.leave().await;
    assert_eq!(log.count("disconnected"), 1);
    assert_eq!(server.connection_count(), 0);
}

#[apply(both_encodings)]
async fn its_failure_reaches_the_sender() {
    let (server, _) = server(Recording {
        fails: true,
        ..Recording::default()
    });
    let all = server.context().clients().all();
    let error = all.send("news", ()).await.expect_err("the network is down");
    let source = std::error::Error::source(&error).expect("a source");
    assert_eq!(source.to_string(), "the network is down");
}
