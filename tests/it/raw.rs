//! Raw connections: bytes without a hub, over every transport.

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use http_body_util::BodyExt;
use serde_json::Value;
use signalr::{
    ConnectionServer, Error, HttpTransportType, LocalAddr, PeerAddr, RawConnection, Server,
    TransferFormat,
};
use tokio::sync::{mpsc, oneshot};

use crate::support::{
    posts::{ask, respond},
    soon, wait,
    web::{BINARY, TEXT, Wire, negotiate, start},
};

const PING: u8 = 0x89;
const PONG: u8 = 0x8a;

/// Sends everything back.
pub async fn echo(mut connection: RawConnection) -> Result<(), Error> {
    while let Some(piece) = connection.recv().await? {
        connection.send(piece).await?;
    }
    Ok(())
}

/// Serves at `/hub`, on a port of the system's choice.
pub async fn serve(server: &ConnectionServer) -> SocketAddr {
    start(Server::new().mount(server.at("/hub"))).await
}

/// A server that hands its connections over to the test.
pub fn handed() -> (
    ConnectionServer,
    mpsc::UnboundedReceiver<(RawConnection, oneshot::Sender<()>)>,
) {
    let (give, take) = mpsc::unbounded_channel();
    let server = ConnectionServer::new(move |connection| {
        let (end, ended) = oneshot::channel();
        let given = give.send((connection, end)).is_ok();
        async move {
            assert!(given, "the test waits for it");
            // The handler ends when the test says so.
            ended.await.ok();
            Ok::<_, Error>(())
        }
    });
    (server, take)
}

/// Negotiates; the target of what follows.
pub async fn target_of(server: &ConnectionServer) -> String {
    let target = "/negotiate?negotiateVersion=1";
    let answer = ask(server, "POST", target, &[], String::new()).await;
    let json: Value = serde_json::from_str(&answer.body).expect("JSON");
    let token = json["connectionToken"].as_str().expect("a token");
    format!("/?id={token}")
}

async fn post(server: &ConnectionServer, target: &str, body: &str) {
    let answer = soon(ask(server, "POST", target, &[], body.to_owned())).await;
    answer.expect_text(200, "");
}

#[tokio::test]
async fn a_websocket_echoes_whatever_comes() {
    let addr = serve(&ConnectionServer::new(echo)).await;
    let (mut wire, answer) = Wire::upgrade(addr, "/hub", "").await;
    assert_eq!(answer.status, 101);
    wire.frame(TEXT, b"no hub message").await;
    assert_eq!(wire.next().await, Some((TEXT, b"no hub message".to_vec())));
    wire.frame(PING, b"?").await;
    assert_eq!(wire.next().await, Some((PONG, b"?".to_vec())));
    // Also where a client sends the other kind: the format is the handler's.
    wire.frame(BINARY, "ä€".as_bytes()).await;
    assert_eq!(wire.next().await, Some((TEXT, "ä€".as_bytes().to_vec())));
}

#[tokio::test]
async fn text_messages_end_where_characters_end() {
    let addr = serve(&ConnectionServer::new(echo)).await;
    let (mut wire, _) = Wire::upgrade(addr, "/hub", "").await;
    let euro = "€".as_bytes();
    // One message in two frames: what the handler gets may end within a character.
    wire.frame(0x01, &[b"a", &euro[..2]].concat()).await;
    assert_eq!(wire.next().await, Some((TEXT, b"a".to_vec())));
    wire.frame(0x80, &[&euro[2..], b"b"].concat()).await;
    assert_eq!(wire.next().await, Some((TEXT, "€b".as_bytes().to_vec())));
}

#[tokio::test]
async fn what_is_no_text_is_refused_or_travels_as_binary() {
    let addr = serve(&ConnectionServer::new(
        async |mut connection: RawConnection| {
            assert_eq!(connection.transfer_format(), TransferFormat::Text);
            let bytes = Bytes::from_static(b"\xff\x00");
            let error = connection.send(bytes.clone()).await.expect_err("no UTF-8");
            assert!(error.to_string().contains("TransferFormat::Binary"));
            connection.set_transfer_format(TransferFormat::Binary)?;
            connection.send(bytes).await
        },
    ))
    .await;
    let (mut wire, _) = Wire::upgrade(addr, "/hub", "").await;
    assert_eq!(wire.next().await, Some((BINARY, b"\xff\x00".to_vec())));
    wire.expect_closed(1000).await;
}

#[tokio::test(start_paused = true)]
async fn server_sent_events_echo_and_carry_text_only() {
    let server = ConnectionServer::new(async |mut connection: RawConnection| {
        let refused = connection.set_transfer_format(TransferFormat::Binary);
        let refused = refused.expect_err("no binary messages");
        connection.send(refused.to_string()).await?;
        echo(connection).await
    });
    let target = target_of(&server).await;
    let accept = [("accept", "text/event-stream")];
    let mut stream = respond(&server, "GET", &target, &accept, String::new()).await;
    let mut text = String::new();
    for (posted, event) in [
        (
            None,
            "data: The ServerSentEvents transport carries text only.\r\n\r\n",
        ),
        (Some("one"), "data: one\r\n\r\n"),
        (Some("t\nwo"), "data: t\r\ndata: wo\r\n\r\n"),
    ] {
        if let Some(posted) = posted {
            post(&server, &target, posted).await;
        }
        while !text.ends_with(event) {
            let frame = soon(stream.body_mut().frame()).await.expect("open");
            let data = frame.expect("a whole body").into_data().expect("data");
            text += std::str::from_utf8(&data).expect("a text");
        }
    }
    assert_eq!(server.connection_count(), 1);
    drop(stream);
    soon(server.closed()).await;
}

#[tokio::test(start_paused = true)]
async fn long_polling_echoes_and_ends_by_delete() {
    let server = ConnectionServer::new(echo);
    let target = target_of(&server).await;
    let poll = || soon(ask(&server, "GET", &target, &[], String::new()));
    assert_eq!(poll().await.body, "");
    for text in ["one", "two"] {
        post(&server, &target, text).await;
        assert_eq!(poll().await.body, text);
    }
    // What waits for a poll is one answer, in order.
    for text in ["three,", "four"] {
        post(&server, &target, text).await;
        wait(1).await;
    }
    assert_eq!(poll().await.body, "three,four");
    let deleted = ask(&server, "DELETE", &target, &[], String::new()).await;
    assert_eq!(deleted.status, 202);
    soon(server.closed()).await;
    assert_eq!(poll().await.status, 404);
}

#[tokio::test]
async fn the_handler_sees_the_request() {
    let (server, mut connections) = handed();
    let addr = serve(&server).await;
    let (id, token) = negotiate(addr).await;
    let target = format!("/hub?id={token}&room=a%20b");
    let (wire, _) = Wire::upgrade(addr, &target, "Cookie: a=1; b=2\r\n").await;
    let (connection, _end) = connections.recv().await.expect("a connection");
    assert_eq!(connection.id(), &*id);
    assert_eq!(connection.transport(), Some(HttpTransportType::WebSockets));
    assert_eq!(connection.query("Room").as_deref(), Some("a b"));
    assert_eq!(connection.cookie("b"), Some("2"));
    assert_eq!(connection.request().headers["host"], "test");
    assert_eq!(connection.peer_addr(), Some(wire.local_addr()));
    assert_eq!(connection.local_addr(), Some(addr));
    let extensions = &connection.request().extensions;
    assert!(extensions.get::<PeerAddr>().is_some() && extensions.get::<LocalAddr>().is_some());
    let shown = format!("{connection:?} {server:?}");
    assert!(
        shown.contains(&id) && shown.contains("WebSockets"),
        "{shown}"
    );
    assert!(shown.ends_with("ConnectionServer(1 open)"), "{shown}");
}

#[tokio::test]
async fn options_are_those_of_hubs_and_checked() {
    let server = ConnectionServer::builder(echo)
        .transports([HttpTransportType::LongPolling])
        .allow_origins(["https://a.example"])
        .build()
        .expect("valid");
    let negotiated = ask(&server, "POST", "/negotiate", &[], String::new()).await;
    assert!(negotiated.body.contains("LongPolling"), "{negotiated:?}");
    assert!(!negotiated.body.contains("WebSockets"), "{negotiated:?}");
    let target = target_of(&server).await;
    let accept = [("accept", "text/event-stream")];
    let refused = ask(&server, "GET", &target, &accept, String::new()).await;
    assert_eq!(refused.status, 404);
    for (origin, status) in [("https://a.example", 200), ("https://b.example", 403)] {
        let headers = [("origin", origin)];
        let answer = ask(&server, "POST", "/negotiate", &headers, String::new()).await;
        assert_eq!(answer.status, status);
    }
    let nowhere = ask(&server, "POST", "/x", &[], String::new()).await;
    assert_eq!(nowhere.status, 404);

    let builder = ConnectionServer::builder(echo).send_timeout(Duration::ZERO);
    assert!(format!("{builder:?}").contains("send_timeout: 0ns"));
    let error = builder.build().expect_err("invalid");
    assert!(error.is_invalid_option());
    assert_eq!(
        error.to_string(),
        "option `send_timeout` must be longer than zero"
    );
}
