//! WebSockets to servers that a test plays.

use std::{future::ready, time::Duration};

use futures_util::{SinkExt, StreamExt};
use signalr::{Error, HubConnection, HubConnectionBuilder, HubConnectionState, HubProtocol};
use tokio_tungstenite::tungstenite::{
    Message,
    protocol::{CloseFrame, frame::coding::CloseCode},
};

use crate::{
    stand::{Act, SOCKETS, Seen, Socket, Stand, answer, in_time, offering, socket, until},
    support::Log,
};

const HANDSHAKE: &str = "{\"protocol\":\"json\",\"version\":1}\u{1e}";
const PING: &str = "{\"type\":6}\u{1e}";

/// The next message; `None`: the socket has ended.
pub async fn next(socket: &mut Socket) -> Option<Message> {
    in_time(socket.next()).await?.ok()
}

pub async fn say(socket: &mut Socket, text: &str) {
    let sent = socket.send(Message::text(text.to_owned())).await;
    sent.expect("open");
}

/// Shakes hands, hears the first ping, and goes on.
pub fn greeting<F, T>(play: F) -> Act
where
    F: FnOnce(Socket) -> T + Send + 'static,
    T: Future<Output = ()> + Send + 'static,
{
    socket(|mut socket| async move {
        let request = next(&mut socket).await.expect("a handshake");
        assert_eq!(request, Message::text(HANDSHAKE));
        say(&mut socket, "{}\u{1e}").await;
        assert_eq!(next(&mut socket).await, Some(Message::text(PING)));
        play(socket).await;
    })
}

/// A server with WebSockets that goes on so.
async fn stand<F, T>(play: F) -> Stand
where
    F: FnOnce(Socket) -> T + Clone + Send + Sync + 'static,
    T: Future<Output = ()> + Send + 'static,
{
    Stand::new(move |seen: Seen| {
        ready(match seen.is_negotiation() {
            true => offering(&[SOCKETS]),
            false => greeting(play.clone()),
        })
    })
    .await
}

/// Notes how the connection ends.
pub async fn connected(builder: HubConnectionBuilder) -> (HubConnection, Log) {
    let (log, ends) = <(Log, Log)>::default();
    let noted = ends.clone();
    let builder = builder
        .on("said", move |text: String| {
            log.note(&text);
            ready(())
        })
        .on_closed(move |error: Option<Error>| {
            let text = error.map_or_else(|| "cleanly".to_owned(), |error| error.to_string());
            noted.note(text);
            ready(())
        });
    let connection = in_time(builder.connect()).await.expect("connected");
    (connection, ends)
}

async fn end(connection: &HubConnection, ends: &Log) -> String {
    until(|| !ends.all().is_empty()).await;
    assert_eq!(connection.state(), HubConnectionState::Disconnected);
    ends.all().remove(0)
}

#[tokio::test]
async fn messages_are_cut_and_joined_at_will() {
    let stand = stand(|mut socket| async move {
        let said = |text: &str| {
            format!("{{\"type\":1,\"target\":\"said\",\"arguments\":[\"{text}\"]}}\u{1e}")
        };
        say(&mut socket, &(said("a") + &said("b"))).await;
        for piece in [&said("c")[..9], "", &said("c")[9..30], &said("c")[30..]] {
            say(&mut socket, piece).await;
        }
        // The other kind of frame means the same.
        let binary = Message::binary(said("d").into_bytes());
        socket.send(binary).await.expect("open");
        next(&mut socket).await;
    })
    .await;
    let log = Log::default();
    let noted = log.clone();
    let builder = stand.client().on("said", move |text: String| {
        noted.note(text);
        ready(())
    });
    let _connection = in_time(builder.connect()).await.expect("connected");
    until(|| log.all().len() == 4).await;
    assert_eq!(log.all(), ["a", "b", "c", "d"]);
}

#[tokio::test]
async fn json_goes_out_as_text_and_message_pack_as_binary_which_may_be_answered_by_either() {
    let heard = Log::default();
    for protocol in [HubProtocol::Json, HubProtocol::MessagePack] {
        let log = heard.clone();
        let stand = Stand::new(move |seen: Seen| {
            let log = log.clone();
            ready(match seen.is_negotiation() {
                true => offering(&[SOCKETS]),
                false => socket(|mut socket| async move {
                    for _ in 0..3 {
                        let message = next(&mut socket).await.expect("open");
                        log.note(if message.is_text() { "text" } else { "binary" });
                        if log.all().len() % 3 == 1 {
                            say(&mut socket, "{}\u{1e}").await;
                        }
                    }
                    next(&mut socket).await;
                }),
            })
        })
        .await;
        let builder = stand.client().protocol(protocol);
        let connection = in_time(builder.connect()).await.expect("connected");
        connection.send("a", (1,)).await.expect("sent");
        let count = match protocol {
            HubProtocol::Json => 3,
            _ => 6,
        };
        until(|| heard.all().len() == count).await;
    }
    assert_eq!(
        heard.all(),
        ["text", "text", "text", "binary", "binary", "binary"]
    );
}

#[tokio::test]
async fn a_close_frame_says_how_it_ended() {
    for (code, reason, end_text) in [
        (Some(CloseCode::Normal), "bye", "cleanly"),
        (
            Some(CloseCode::Error),
            "",
            "Websocket closed with error: InternalServerError.",
        ),
        (
            Some(CloseCode::Away),
            "going down",
            "Websocket closed with error: EndpointUnavailable. The server's reason: going down",
        ),
        (
            Some(CloseCode::Library(4001)),
            "",
            "Websocket closed with error: 4001.",
        ),
        (None, "", "Websocket closed with error: Empty."),
    ] {
        let stand = stand(move |mut socket: Socket| async move {
            let frame = code.map(|code| CloseFrame {
                code,
                reason: reason.into(),
            });
            socket.send(Message::Close(frame)).await.expect("open");
            // It is answered.
            let answer = next(&mut socket).await;
            assert!(
                matches!(answer, Some(Message::Close(_)) | None),
                "{answer:?}"
            );
        })
        .await;
        let (connection, ends) = connected(stand.client()).await;
        assert_eq!(end(&connection, &ends).await, end_text);
    }
}

#[tokio::test]
async fn a_socket_that_breaks_off_is_an_error() {
    let stand = stand(|socket: Socket| async move { drop(socket) }).await;
    let (connection, ends) = connected(stand.client()).await;
    let text = end(&connection, &ends).await;
    assert_eq!(text, "the connection's input or output failed");
}

#[tokio::test]
async fn stop_says_goodbye_and_waits_no_longer_than_the_close_timeout() {
    let heard = Log::default();
    let log = heard.clone();
    let stand = Stand::new(move |seen: Seen| {
        let log = log.clone();
        ready(match seen.is_negotiation() {
            true => offering(&[SOCKETS]),
            false => greeting(|mut socket| async move {
                // It hears everything and answers nothing, not even the close frame, until the client hangs up.
                let io = socket.get_mut();
                let mut bytes = Vec::new();
                let read = tokio::io::AsyncReadExt::read_to_end(io, &mut bytes).await;
                log.note(format!("{} bytes, {}", bytes.len(), read.is_ok()));
            }),
        })
    })
    .await;
    let builder = stand.client().close_timeout(Duration::from_millis(80));
    let (connection, ends) = connected(builder).await;
    let begun = std::time::Instant::now();
    in_time(connection.stop()).await;
    assert!(begun.elapsed() >= Duration::from_millis(80));
    assert_eq!(end(&connection, &ends).await, "cleanly");
    until(|| !heard.all().is_empty()).await;
    // The Close message and the close frame, each with a mask.
    assert_eq!(heard.all(), [format!("{} bytes, true", 6 + 11 + 6 + 2)]);
}

#[tokio::test]
async fn oversize_messages_end_the_connection_and_take_no_memory() {
    let stand = stand(|mut socket: Socket| async move {
        // A header that claims 2^40 bytes, and nothing behind it.
        let io = socket.get_mut();
        let header = [&[0x82, 127][..], &(1_u64 << 40).to_be_bytes()].concat();
        tokio::io::AsyncWriteExt::write_all(io, &header)
            .await
            .expect("open");
        tokio::io::AsyncWriteExt::flush(io).await.expect("open");
        next(&mut socket).await;
    })
    .await;
    let (connection, ends) = connected(stand.client().max_receive_size(1000)).await;
    assert_eq!(
        end(&connection, &ends).await,
        "a WebSocket message has 1099511627776 bytes, more than the `max_receive_size` of 1000 bytes and 1 MiB for messages that come along"
    );
}

#[tokio::test]
async fn what_is_no_websocket_ends_the_connection() {
    let stand = stand(|mut socket: Socket| async move {
        let io = socket.get_mut();
        // An opcode that does not exist.
        let garbage = b"\xff\x00garbage";
        tokio::io::AsyncWriteExt::write_all(io, garbage)
            .await
            .expect("open");
        tokio::io::AsyncWriteExt::flush(io).await.expect("open");
        next(&mut socket).await;
    })
    .await;
    let (connection, ends) = connected(stand.client()).await;
    let text = end(&connection, &ends).await;
    assert!(text.starts_with("WebSocket protocol error"), "{text}");
}

#[tokio::test]
async fn what_follows_the_close_message_is_ignored() {
    let stand = stand(|mut socket: Socket| async move {
        let close = "{\"type\":1,\"target\":\"said\",\"arguments\":[\"in time\"]}\u{1e}{\"type\":7,\"error\":\"enough\"}\u{1e}{\"type\":1,\"target\":\"said\",\"arguments\":[\"late\"]}\u{1e}garbage";
        say(&mut socket, close).await;
        while next(&mut socket).await.is_some() {}
    })
    .await;
    let late = Log::default();
    let noted = late.clone();
    let builder = stand.client().on("said", move |text: String| {
        noted.note(text);
        ready(())
    });
    let (connection, ends) = connected(builder).await;
    assert_eq!(
        end(&connection, &ends).await,
        "The server closed the connection with the following error: enough"
    );
    // A handler of a message that came before runs on, and notes it at once.
    crate::support::settle().await;
    assert_eq!(late.all(), ["in time"]);
}

#[tokio::test]
async fn a_half_open_socket_is_noticed() {
    let stand = stand(|mut socket: Socket| async move {
        // Pings are read, and nothing is said.
        while next(&mut socket).await.is_some() {}
    })
    .await;
    let builder = stand
        .client()
        .keep_alive(Duration::from_millis(40))
        .server_timeout(Duration::from_millis(150));
    let (connection, ends) = connected(builder).await;
    let call = connection.invoke::<()>("a", ());
    let error = in_time(call).await.expect_err("no answer");
    assert!(error.is_timeout());
    assert_eq!(
        end(&connection, &ends).await,
        "Server timeout (150.00ms) elapsed without receiving a message from the server."
    );
}

/// A client that sends without end to such a server; the error of its sends.
async fn hammering<F, T>(play: F) -> (HubConnection, Log, tokio::task::JoinHandle<Error>)
where
    F: FnOnce(Socket) -> T + Clone + Send + Sync + 'static,
    T: Future<Output = ()> + Send + 'static,
{
    let stand = stand(play).await;
    let builder = stand
        .client()
        .send_queue_limit(4_000_000)
        .keep_alive(Duration::from_millis(200))
        .server_timeout(Duration::from_secs(1));
    let (connection, ends) = connected(builder).await;
    let sender = connection.clone();
    let sending = tokio::spawn(async move {
        let text = "x".repeat(200_000);
        loop {
            if let Err(error) = sender.send("a", (&text,)).await {
                return error;
            }
            tokio::task::yield_now().await;
        }
    });
    (connection, ends, sending)
}

#[tokio::test]
async fn a_half_open_socket_is_noticed_though_its_queue_is_full() {
    let (connection, ends, sending) = hammering(|socket: Socket| async move {
        let _kept = socket;
        std::future::pending::<()>().await;
    })
    .await;
    assert_eq!(
        end(&connection, &ends).await,
        "Server timeout (1000.00ms) elapsed without receiving a message from the server."
    );
    assert!(in_time(sending).await.expect("no panic").is_timeout());
}

#[tokio::test]
async fn a_socket_that_takes_little_at_a_time_is_kept() {
    let (connection, ends, sending) = hammering(|mut socket: Socket| async move {
        let mut bytes = vec![0; 64 * 1024];
        // What waits takes more than a second.
        while socket.send(Message::text(PING)).await.is_ok() {
            let read = tokio::io::AsyncReadExt::read(socket.get_mut(), &mut bytes).await;
            if !read.is_ok_and(|read| read > 0) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    // Three times the time-out: nothing can be waited for where nothing is to happen.
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(ends.all(), [""; 0]);
    assert_eq!(connection.state(), HubConnectionState::Connected);
    sending.abort();
}

#[tokio::test]
async fn an_upgrade_that_is_none_fails_to_start() {
    for (lie, text) in [
        (200, "was answered with the status 200"),
        (404, "was answered with the status 404"),
    ] {
        let stand = Stand::new(move |seen: Seen| {
            ready(match seen.is_negotiation() {
                true => offering(&[SOCKETS]),
                false => answer(lie, "text/html", "<html>"),
            })
        })
        .await;
        let error = in_time(stand.client().connect()).await.expect_err("a lie");
        let expected = format!(
            "(WebSockets failed: the WebSocket at {} {text})",
            stand.url()
        );
        assert!(error.to_string().ends_with(&expected), "{error}");
    }
    // Nothing at all, and the time is over.
    let stand = Stand::new(|seen: Seen| {
        ready(match seen.is_negotiation() {
            true => offering(&[SOCKETS]),
            false => Act::Silence,
        })
    })
    .await;
    let builder = stand.client().request_timeout(Duration::from_millis(60));
    let error = in_time(builder.connect()).await.expect_err("silence");
    let expected = format!(
        "(WebSockets failed: the WebSocket at {} was not answered within the `request_timeout`: 60ms)",
        stand.url()
    );
    assert!(error.to_string().ends_with(&expected), "{error}");
}

#[tokio::test]
async fn a_failed_handshake_is_the_end_and_no_reason_to_fall_back() {
    let stand = Stand::new(|seen: Seen| {
        ready(match seen.is_negotiation() {
            true => offering(&[SOCKETS, crate::stand::POLLS]),
            false => socket(|mut socket| async move {
                next(&mut socket).await;
                say(&mut socket, "{\"error\":\"not you\"}\u{1e}").await;
                while next(&mut socket).await.is_some() {}
            }),
        })
    })
    .await;
    let error = in_time(stand.client().connect())
        .await
        .expect_err("refused");
    assert_eq!(
        error.to_string(),
        "Unable to complete handshake with the server due to an error: not you"
    );
    assert_eq!(stand.seen().len(), 2);
}
