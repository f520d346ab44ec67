//! Raw connections that their handlers have handed to tasks of their own: open until dropped, and no longer than the server.

use std::time::Duration;

use http_body_util::BodyExt;
use signalr::{ConnectionServer, Error, RawConnection, Server};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, duplex},
    sync::{mpsc, oneshot},
};

use crate::{
    raw::target_of,
    support::{
        posts::{ask, respond},
        settle, soon,
        web::{TEXT, Wire, until},
    },
};

/// A server whose handlers return at once, and the connections that they were given.
fn detached() -> (ConnectionServer, mpsc::UnboundedReceiver<RawConnection>) {
    let (give, take) = mpsc::unbounded_channel();
    let server = ConnectionServer::new(move |connection| {
        let given = give.send(connection).is_ok();
        async move {
            assert!(given, "the test waits for it");
            Ok::<_, Error>(())
        }
    });
    (server, take)
}

/// Whatever is tried with a connection that was cut off says so.
async fn expect_cut_off(mut connection: RawConnection) {
    const CUT_OFF: &str =
        "The connection was cut off by the server, which stops or no longer serves it.";
    let received = soon(connection.recv()).await;
    let sent = soon(connection.send("too late")).await;
    for error in [received.expect_err("cut off"), sent.expect_err("cut off")] {
        assert!(error.is_closed());
        assert_eq!(error.to_string(), CUT_OFF);
    }
    let read = soon(connection.read(&mut [0])).await.expect_err("cut off");
    let written = soon(connection.write(b"x")).await.expect_err("cut off");
    let flushed = soon(connection.flush()).await.expect_err("cut off");
    let ended = soon(connection.shutdown()).await.expect_err("cut off");
    for error in [read, written, flushed, ended] {
        assert_eq!(error.kind(), std::io::ErrorKind::BrokenPipe);
        assert_eq!(error.to_string(), CUT_OFF);
    }
}

#[tokio::test]
async fn a_server_that_has_stopped_has_closed_their_sockets() {
    let (server, mut connections) = detached();
    let bound = Server::new().mount(server.at("/hub")).bind("127.0.0.1:0");
    let bound = bound.await.expect("a port");
    let addr = bound.local_addr().expect("an address");
    let (stop, stopped) = oneshot::channel::<()>();
    let until_stopped = async { drop(stopped.await) };
    let running = tokio::spawn(bound.run_until(until_stopped, Duration::from_millis(100)));

    let (mut ticking, _) = Wire::upgrade(addr, "/hub", "").await;
    let mut ticker = connections.recv().await.expect("a connection");
    let ticker = tokio::spawn(async move {
        loop {
            if let Err(error) = ticker.send("tick").await {
                return (error, ticker);
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    let (mut idle, _) = Wire::upgrade(addr, "/hub", "").await;
    // Nobody polls this one at all.
    let kept = connections.recv().await.expect("a connection");
    assert_eq!(ticking.next().await, Some((TEXT, b"tick".to_vec())));
    assert_eq!(server.connection_count(), 2);

    stop.send(()).expect("it runs");
    soon(running).await.expect("stopped");
    assert_eq!(server.connection_count(), 0);
    soon(server.closed()).await;
    assert_eq!(soon(idle.next()).await, None);
    while soon(ticking.next()).await.is_some() {}
    let (error, ticker) = soon(ticker).await.expect("it noticed");
    assert!(error.is_closed(), "{error}");
    expect_cut_off(ticker).await;
    expect_cut_off(kept).await;
}

#[tokio::test(start_paused = true)]
async fn a_task_that_waits_is_woken_and_told() {
    let (server, mut connections) = detached();
    let (mut io, other) = duplex(1024);
    let served = server.clone();
    tokio::spawn(async move { served.serve_connection(other).await });
    let mut connection = connections.recv().await.expect("a connection");
    let sending = tokio::spawn(async move {
        let error = connection.send(vec![b'x'; 5_000]).await;
        (error.expect_err("nobody reads"), connection)
    });
    settle().await;
    assert_eq!(server.connection_count(), 1);
    soon(server.shutdown(Duration::from_secs(2))).await;
    assert_eq!(server.connection_count(), 0);
    let (error, connection) = soon(sending).await.expect("woken");
    assert!(error.is_closed() && !error.is_timeout(), "{error}");
    let mut rest = Vec::new();
    soon(io.read_to_end(&mut rest)).await.expect("the end");
    assert_eq!(rest.len(), 1024);
    expect_cut_off(connection).await;
}

#[tokio::test(start_paused = true)]
async fn a_task_that_ends_in_time_is_waited_for() {
    let (server, mut connections) = detached();
    let (mut io, other) = duplex(1024);
    let served = server.clone();
    tokio::spawn(async move { served.serve_connection(other).await });
    let mut connection = connections.recv().await.expect("a connection");
    let stopped = server.clone();
    let shutdown = tokio::spawn(async move { stopped.shutdown(Duration::from_secs(5)).await });
    // The goodbye ends the input, and the task has time to answer.
    assert_eq!(soon(connection.recv()).await.expect("the end"), None);
    soon(connection.send("bye")).await.expect("still open");
    drop(connection);
    let goodbye = async {
        let mut bye = String::new();
        io.read_to_string(&mut bye).await.expect("a text");
        drop(io);
        bye
    };
    assert_eq!(soon(goodbye).await, "bye");
    soon(shutdown).await.expect("stopped");
}

#[tokio::test(start_paused = true)]
async fn streams_of_events_and_polls_are_cut_off_too() {
    let (server, mut connections) = detached();
    let target = target_of(&server).await;
    let accept = [("accept", "text/event-stream")];
    let mut stream = respond(&server, "GET", &target, &accept, String::new()).await;
    let events = connections.recv().await.expect("a connection");
    let target = target_of(&server).await;
    let poll = || ask(&server, "GET", &target, &[], String::new());
    soon(poll()).await;
    let polls = connections.recv().await.expect("a connection");
    assert_eq!(server.connection_count(), 2);

    let (polled, ()) = tokio::join!(soon(poll()), server.shutdown(Duration::from_secs(2)));
    assert_eq!(polled.body, "");
    assert_eq!(server.connection_count(), 0);
    while let Some(Ok(_)) = soon(stream.body_mut().frame()).await {}
    for connection in [events, polls] {
        expect_cut_off(connection).await;
    }
}

#[tokio::test]
async fn dropping_what_serves_closes_the_stream() {
    let (server, mut connections) = detached();
    let (mut io, other) = duplex(1024);
    let served = server.clone();
    let serving = tokio::spawn(async move { served.serve_connection(other).await });
    let connection = connections.recv().await.expect("a connection");
    serving.abort();
    assert_eq!(soon(io.read(&mut [0])).await.expect("the end"), 0);
    until(|| server.connection_count() == 0).await;
    expect_cut_off(connection).await;
}
