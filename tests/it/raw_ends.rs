//! How raw connections end: by the handler, by the client, by limits, by the server.

use std::time::Duration;

use bytes::Bytes;
use signalr::{ConnectionServer, Error, RawConnection};
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

use crate::{
    raw::{echo, handed, serve, target_of},
    support::{
        Log,
        posts::ask,
        settle, since, soon, wait,
        web::{CLOSE, TEXT, Wire, until},
    },
};

#[tokio::test]
async fn the_close_code_says_how_the_handler_ended() {
    let server = ConnectionServer::new(async |mut connection: RawConnection| {
        match connection.recv().await?.as_deref() {
            Some(b"fail") => Err("an error with a secret in it".into()),
            Some(b"panic") => panic!("a handler's panic"),
            _ => Ok::<_, Box<dyn std::error::Error + Send + Sync>>(()),
        }
    });
    let addr = serve(&server).await;
    for (word, code) in [
        ("end", 1000),
        ("fail", 1011),
        ("panic", 1011),
        ("end", 1000),
    ] {
        let (mut wire, _) = Wire::upgrade(addr, "/hub", "").await;
        wire.frame(TEXT, word.as_bytes()).await;
        wire.expect_closed(code).await;
    }
    until(|| server.connection_count() == 0).await;
}

#[tokio::test]
async fn a_client_that_breaks_the_websocket_protocol_is_told_so() {
    let server = ConnectionServer::new(echo);
    let addr = serve(&server).await;
    // A reserved bit, a continuation of nothing, an opcode that does not exist.
    for first in [TEXT | 0x40, 0x80, 0x8b] {
        let (mut wire, _) = Wire::upgrade(addr, "/hub", "").await;
        wire.frame(first, b"x").await;
        wire.expect_closed(1002).await;
    }
    until(|| server.connection_count() == 0).await;
}

#[tokio::test]
async fn what_was_sent_goes_out_before_the_end() {
    let server = ConnectionServer::new(async |mut connection: RawConnection| {
        for number in 0..100 {
            connection.send(number.to_string()).await?;
        }
        Ok::<_, Error>(())
    });
    let (mut wire, _) = Wire::upgrade(serve(&server).await, "/hub", "").await;
    for number in 0..100 {
        let text = number.to_string().into_bytes();
        assert_eq!(wire.next().await, Some((TEXT, text)));
    }
    wire.expect_closed(1000).await;
}

#[tokio::test]
async fn a_client_that_closes_ends_the_input_and_takes_nothing_more() {
    let (server, mut connections) = handed();
    let (mut wire, _) = Wire::upgrade(serve(&server).await, "/hub", "").await;
    let (mut connection, end) = connections.recv().await.expect("a connection");
    wire.frame(TEXT, b"last words").await;
    wire.frame(CLOSE, &1000u16.to_be_bytes()).await;
    let last = connection.recv().await.expect("received");
    assert_eq!(last.as_deref(), Some(&b"last words"[..]));
    for _ in 0..2 {
        assert_eq!(connection.recv().await.expect("the end"), None);
    }
    let error = connection.send("too late").await.expect_err("gone");
    assert!(error.is_closed(), "{error}");
    drop((connection, end));
    assert_eq!(
        wire.next().await,
        Some((CLOSE, 1000u16.to_be_bytes().to_vec()))
    );
    until(|| server.connection_count() == 0).await;
}

#[tokio::test(start_paused = true)]
async fn a_connection_lasts_as_long_as_it_is_kept() {
    let (server, mut connections) = handed();
    let (mut io, other) = duplex(1024);
    let served = server.clone();
    let served = tokio::spawn(async move { served.serve_connection(other).await });
    let (mut connection, end) = connections.recv().await.expect("a connection");
    end.send(()).expect("the handler waits");
    settle().await;
    assert!(!served.is_finished(), "its connection lives elsewhere");
    io.write_all(b"still there").await.expect("open");
    let piece = connection.recv().await.expect("received");
    assert_eq!(piece.as_deref(), Some(&b"still there"[..]));
    drop(connection);
    assert_eq!(io.read(&mut [0]).await.expect("ended"), 0);
    drop(io);
    soon(served).await.expect("served");
    assert_eq!(server.connection_count(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_takes_nothing_is_given_up() {
    let log = Log::default();
    let noted = log.clone();
    let server = ConnectionServer::builder(move |mut connection: RawConnection| {
        let log = noted.clone();
        async move {
            let error = connection
                .send(vec![b'x'; 100_000])
                .await
                .expect_err("stuck");
            assert!(error.is_timeout());
            log.note(error.to_string());
            let error = connection.recv().await.expect_err("given up");
            assert!(error.is_timeout());
            Err::<(), _>(error)
        }
    })
    .send_timeout(Duration::from_secs(3))
    .build()
    .expect("valid");
    let start = tokio::time::Instant::now();
    let (io, other) = duplex(1024);
    soon(server.serve_connection(other)).await;
    assert!((3_000..4_500).contains(&since(start)), "{}", since(start));
    assert_eq!(
        log.all(),
        ["the peer took nothing for the `send_timeout` of 3s"]
    );
    drop(io);
}

#[tokio::test(start_paused = true)]
async fn an_infinite_send_timeout_gives_nobody_up() {
    let (give, mut taken) = tokio::sync::mpsc::unbounded_channel();
    let server = ConnectionServer::builder(move |mut connection: RawConnection| {
        let give = give.clone();
        async move {
            connection.send(vec![b'x'; 100_000]).await?;
            give.send(()).expect("the test waits");
            Ok::<_, Error>(())
        }
    })
    .send_timeout(Duration::MAX)
    .build()
    .expect("valid");
    let (mut io, other) = duplex(1024);
    let served = server.clone();
    tokio::spawn(async move { served.serve_connection(other).await });
    // A day in vain.
    wait(86_400_000).await;
    assert!(taken.try_recv().is_err());
    assert_eq!(server.connection_count(), 1);
    let mut all = vec![0; 100_000];
    soon(io.read_exact(&mut all)).await.expect("all of it");
    soon(taken.recv()).await.expect("sent");
}

#[tokio::test(start_paused = true)]
async fn polls_that_stop_end_the_input() {
    let (server, mut connections) = handed();
    let target = target_of(&server).await;
    assert_eq!(
        ask(&server, "GET", &target, &[], String::new())
            .await
            .status,
        200
    );
    let (mut connection, _end) = connections.recv().await.expect("a connection");
    let start = tokio::time::Instant::now();
    assert_eq!(soon(connection.recv()).await.expect("the end"), None);
    assert!((15_000..17_500).contains(&since(start)), "{}", since(start));
}

#[tokio::test(start_paused = true)]
async fn what_no_poll_takes_makes_the_handler_wait() {
    let (server, mut connections) = handed();
    let target = target_of(&server).await;
    let poll = || soon(ask(&server, "GET", &target, &[], String::new()));
    poll().await;
    let (mut connection, _end) = connections.recv().await.expect("a connection");
    let piece = Bytes::from(vec![b'x'; 40_000]);
    connection
        .send(piece.clone())
        .await
        .expect("below the limit");
    let sending = tokio::spawn(async move {
        connection.send(piece.clone()).await.expect("polled");
        connection.send("end").await.expect("polled");
        connection
    });
    wait(5_000).await;
    assert!(!sending.is_finished(), "80,000 bytes are beyond the limit");
    assert_eq!(poll().await.body.len(), 80_000);
    let connection = soon(sending).await.expect("sent");
    assert_eq!(poll().await.body, "end");
    drop(connection);
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_ends_the_input_and_then_the_handlers() {
    let log = Log::default();
    let noted = log.clone();
    let server = ConnectionServer::new(move |mut connection: RawConnection| {
        let log = noted.clone();
        async move {
            let _dropped = log.on_drop("dropped");
            let is_deaf = connection.recv().await?.as_deref() == Some(b"deaf");
            while connection.recv().await?.is_some() {}
            if is_deaf {
                std::future::pending::<()>().await;
            }
            log.note("ended");
            connection.send("bye").await
        }
    });
    let mut pipes = Vec::new();
    for word in ["deaf", "polite"] {
        let (mut io, other) = duplex(1024);
        let server = server.clone();
        tokio::spawn(async move { server.serve_connection(other).await });
        io.write_all(word.as_bytes()).await.expect("open");
        pipes.push(io);
    }
    settle().await;
    let start = tokio::time::Instant::now();
    let shutdown = server.shutdown(Duration::from_secs(7));
    let goodbye = async {
        let mut bye = String::new();
        pipes[1].read_to_string(&mut bye).await.expect("a text");
        assert_eq!(bye, "bye");
        assert_eq!(log.all(), ["ended", "dropped"]);
        pipes.pop();
    };
    tokio::join!(shutdown, goodbye);
    assert!((7_000..7_100).contains(&since(start)), "{}", since(start));
    assert_eq!(log.all(), ["ended", "dropped", "dropped"]);
    // Nobody comes any more.
    let (mut io, other) = duplex(1024);
    server.serve_connection(other).await;
    assert_eq!(io.read(&mut [0]).await.expect("ended"), 0);
}

#[tokio::test(start_paused = true)]
async fn dropping_what_serves_drops_the_handler() {
    let log = Log::default();
    let noted = log.clone();
    let server = ConnectionServer::new(move |connection: RawConnection| {
        let dropped = noted.on_drop("dropped");
        async move {
            let _dropped = dropped;
            echo(connection).await
        }
    });
    let (_io, other) = duplex(1024);
    let serving = tokio::time::timeout(Duration::from_secs(1), server.serve_connection(other));
    serving.await.expect_err("it lasts");
    assert_eq!(log.all(), ["dropped"]);
    assert_eq!(server.connection_count(), 0);
}
