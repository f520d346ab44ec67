//! Raw connections as byte streams: without HTTP, split, and below a hub.

use std::sync::Arc;

use serde_json::json;
use signalr::{ConnectionServer, Error, RawConnection};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, duplex};

use crate::{
    raw::{echo, handed, serve, target_of},
    support::{
        Room,
        posts::ask,
        settle, soon,
        web::{CLOSE, HANDSHAKE, TEXT, Wire, negotiate, until},
    },
};

#[tokio::test]
async fn a_half_closed_stream_still_gets_its_answer() {
    let server = ConnectionServer::new(async |mut connection: RawConnection| {
        assert_eq!(connection.transport(), None);
        let mut all = Vec::new();
        while let Some(piece) = connection.recv().await? {
            all.extend_from_slice(&piece);
        }
        all.reverse();
        connection.send(all).await
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("free");
    let addr = listener.local_addr().expect("bound");
    tokio::spawn(async move {
        let (socket, _) = listener.accept().await.expect("a client");
        server.serve_connection(socket).await;
    });
    let mut io = tokio::net::TcpStream::connect(addr).await.expect("listens");
    io.write_all(b"\x00\xffabc").await.expect("open");
    io.shutdown().await.expect("open");
    let mut answer = Vec::new();
    io.read_to_end(&mut answer).await.expect("a whole answer");
    assert_eq!(answer, b"cba\xff\x00");
}

#[tokio::test]
async fn halves_in_two_tasks_wake_each_other() {
    let server = ConnectionServer::new(async |connection: RawConnection| {
        let (reader, mut writer) = tokio::io::split(connection);
        let (lines, mut queue) = tokio::sync::mpsc::unbounded_channel();
        let writing = tokio::spawn(async move {
            while let Some(line) = queue.recv().await {
                writer.write_all(format!("<{line}>").as_bytes()).await?;
                writer.flush().await?;
            }
            writer.shutdown().await
        });
        let mut reader = BufReader::new(reader).lines();
        while let Some(line) = reader.next_line().await? {
            if line == "end" {
                break;
            }
            lines.send(line).ok();
        }
        drop(lines);
        writing.await.expect("no panic")?;
        // What comes before the client's close frame can still be read.
        assert_eq!(reader.next_line().await?.as_deref(), Some("behind"));
        assert_eq!(reader.next_line().await?, None);
        Ok::<_, std::io::Error>(())
    });
    let (mut wire, _) = Wire::upgrade(serve(&server).await, "/hub", "").await;
    wire.frame(TEXT, b"on").await;
    wire.frame(TEXT, b"e\ntwo\nthr").await;
    for line in ["<one>", "<two>"] {
        assert_eq!(wire.next().await, Some((TEXT, line.as_bytes().to_vec())));
    }
    wire.frame(TEXT, b"ee\nend\n").await;
    assert_eq!(wire.next().await, Some((TEXT, b"<three>".to_vec())));
    let close = Some((CLOSE, 1000u16.to_be_bytes().to_vec()));
    assert_eq!(wire.next().await, close);
    wire.frame(TEXT, b"behind\n").await;
    wire.frame(CLOSE, &1000u16.to_be_bytes()).await;
    assert_eq!(
        wire.next().await,
        None,
        "1011 would say that the handler failed"
    );
    until(|| server.connection_count() == 0).await;
}

/// A hub is one user of raw connections.
#[tokio::test]
async fn a_hub_runs_on_a_raw_connection() {
    let (hub, _) = Room::serve();
    let below = hub.clone();
    let server = ConnectionServer::new(move |connection| {
        let hub = below.clone();
        async move {
            hub.serve_connection(connection).await;
            Ok::<_, Error>(())
        }
    });
    let addr = serve(&server).await;
    let mut wire = Wire::connect(addr, "/hub").await;
    assert_eq!(wire.invoke("echo", json!(["through"])).await, "through");

    let (_, token) = negotiate(addr).await;
    let target = format!("/hub?id={token}");
    let mut polls = Wire::open(addr).await;
    assert_eq!(polls.ask("GET", &target, "").await.status, 200);
    polls.post(&target, HANDSHAKE).await.expect_text(200, "");
    assert_eq!(polls.ask("GET", &target, "").await.body, "{}\x1e");
    let call =
        b"{\"type\":1,\"invocationId\":\"1\",\"target\":\"echo\",\"arguments\":[\"polled\"]}\x1e";
    polls.post(&target, call).await.expect_text(200, "");
    let answer = polls.ask("GET", &target, "").await.body;
    assert_eq!(
        answer,
        "{\"type\":3,\"invocationId\":\"1\",\"result\":\"polled\"}\x1e"
    );
    assert_eq!((hub.connection_count(), server.connection_count()), (2, 2));
    drop(wire);
    polls.ask("DELETE", &target, "").await;
    until(|| hub.connection_count() == 0 && server.connection_count() == 0).await;
}

#[tokio::test(start_paused = true)]
async fn a_receive_and_a_send_that_are_dropped_lose_nothing() {
    let (server, mut connections) = handed();
    let (mut io, other) = duplex(16);
    let served = server.clone();
    tokio::spawn(async move { served.serve_connection(other).await });
    let (mut connection, _end) = connections.recv().await.expect("a connection");
    let second = std::time::Duration::from_secs(1);
    for _ in 0..3 {
        let nothing = tokio::time::timeout(second, connection.recv()).await;
        nothing.expect_err("the client is silent");
    }
    let sent: Vec<u8> = (0..100).collect();
    let half = tokio::time::timeout(second, connection.send(sent.clone())).await;
    half.expect_err("the client does not read");
    // Receiving carries on with what was begun.
    let receiving = tokio::spawn(async move {
        let piece = connection.recv().await;
        (connection, piece)
    });
    let mut read = vec![0; sent.len()];
    soon(io.read_exact(&mut read)).await.expect("all of it");
    assert_eq!(read, sent);
    io.write_all(b"word").await.expect("open");
    let (_connection, piece) = soon(receiving).await.expect("received");
    assert_eq!(piece.expect("received").as_deref(), Some(&b"word"[..]));
}

#[tokio::test]
async fn a_large_message_goes_through_unharmed() {
    let server = ConnectionServer::new(echo);
    let (mut wire, _) = Wire::upgrade(serve(&server).await, "/hub", "").await;
    let text: Arc<str> = "0123456789äöü€".repeat(40_000).into();
    wire.frame(TEXT, text.as_bytes()).await;
    let mut back = Vec::new();
    while back.len() < text.len() {
        let (first, piece) = wire.next().await.expect("open");
        assert_eq!(first, TEXT);
        assert!(std::str::from_utf8(&piece).is_ok(), "whole characters");
        back.extend(piece);
    }
    assert!(back == text.as_bytes());
}

#[tokio::test(start_paused = true)]
async fn shutting_the_writer_down_ends_polls_and_streams() {
    let (server, mut connections) = handed();
    let target = target_of(&server).await;
    let poll = || soon(ask(&server, "GET", &target, &[], String::new()));
    poll().await;
    let (mut connection, _end) = connections.recv().await.expect("a connection");
    connection.write_all(b"the last").await.expect("open");
    connection.shutdown().await.expect("open");
    let error = connection.write_all(b"more").await.expect_err("closed");
    assert_eq!(error.kind(), std::io::ErrorKind::BrokenPipe);
    assert_eq!(poll().await.body, "the last");
    assert_eq!(poll().await.status, 204);
    assert_eq!(connection.read(&mut [0; 8]).await.expect("the end"), 0);
    drop(connection);
    settle().await;
}
