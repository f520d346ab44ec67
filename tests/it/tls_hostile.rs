//! Clients that do not get as far as HTTP over TLS: each is gone in bounded time, and nobody else notices.

use std::{net::SocketAddr, time::Duration};

use serde_json::json;
use signalr::{HubServer, Server};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::Instant,
};

use crate::{
    support::{
        since,
        tls::{HTTP1, offering, tls},
        web::{Wire, in_time, start, until},
    },
    tls::{Shown, shown},
};

/// What a client of TLS 1.2 begins with: a record of 512 bytes that holds a greeting.
const GREETING: [u8; 9] = [22, 3, 1, 2, 0, 1, 0, 1, 0xfc];

async fn goes_on(addr: SocketAddr) {
    let mut wire = Wire::over(offering(addr, &[HTTP1]).await);
    wire.shake_hands("/hub").await;
    assert_eq!(wire.invoke("echo", json!(["here"])).await, "here");
}

/// Sends something, and reads until the server closes; how long that took, in milliseconds.
async fn send_and_wait(addr: SocketAddr, bytes: &[u8]) -> u64 {
    let mut socket = TcpStream::connect(addr).await.expect("it listens");
    let begun = Instant::now();
    socket.write_all(bytes).await.expect("it reads");
    let mut rest = Vec::new();
    socket.read_to_end(&mut rest).await.ok();
    assert!(rest.len() < 16, "an alert at most: {rest:?}");
    since(begun)
}

#[tokio::test(start_paused = true)]
async fn who_does_not_shake_hands_is_cut_off_after_ten_seconds() {
    let addr = shown(tls()).await;
    for begun in [&b""[..], &GREETING[..1], &GREETING] {
        let waited = send_and_wait(addr, begun).await;
        assert!((10_000..10_500).contains(&waited), "{begun:?}: {waited}");
    }
}

#[tokio::test]
async fn what_is_no_tls_is_refused_at_once() {
    let addr = shown(tls()).await;
    for bytes in [
        &b"GET /hub HTTP/1.1\r\nHost: test\r\n\r\n"[..],
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        // A record that is longer than one may be, and one of an unknown kind.
        &[22, 3, 1, 0xff, 0xff],
        &[99, 3, 1, 0, 5, 1, 2, 3, 4, 5],
        // A greeting without content.
        &[22, 3, 1, 0, 4, 1, 0, 0, 0],
    ] {
        in_time(send_and_wait(addr, bytes)).await;
    }
    goes_on(addr).await;
}

#[tokio::test]
async fn hundreds_that_wait_or_break_off_stop_nobody() {
    let addr = shown(tls()).await;
    let mut waiting = Vec::new();
    for number in 0..300 {
        let mut socket = TcpStream::connect(addr).await.expect("it listens");
        let length = number % (GREETING.len() + 1);
        socket
            .write_all(&GREETING[..length])
            .await
            .expect("it reads");
        if number % 3 == 0 {
            waiting.push(socket);
        } else if number % 3 == 1 {
            socket.set_zero_linger().expect("a socket");
        }
    }
    goes_on(addr).await;
    drop(waiting);
    goes_on(addr).await;
}

#[tokio::test]
async fn who_has_not_shaken_hands_does_not_hold_the_end_of_the_server_up() {
    let hub = HubServer::new(Shown);
    let server = Server::new().tls(tls()).mount(hub.at("/hub"));
    let bound = server.bind("127.0.0.1:0").await.expect("a free port");
    let addr = bound.local_addr().expect("bound");
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let hour = Duration::from_secs(3_600);
    let served = tokio::spawn(bound.run_until(async { drop(stopped.await) }, hour));
    let mut silent = Wire::open(addr).await;
    // What comes later has been accepted later.
    let mut open = Wire::over(offering(addr, &[HTTP1]).await);
    open.shake_hands("/hub").await;
    stop.send(()).expect("it runs");
    let messages = open.messages().await;
    assert_eq!(messages, [json!({"type": 7, "allowReconnect": true})]);
    open.expect_closed(1000).await;
    assert!(silent.is_ended().await);
    in_time(served).await.expect("no panic");
}

#[tokio::test]
async fn a_client_that_breaks_off_without_a_word_leaves_nothing_behind() {
    let hub = HubServer::new(Shown);
    let addr = start(Server::new().tls(tls()).mount(hub.at("/hub"))).await;
    let mut wires = Vec::new();
    for _ in 0..20 {
        let mut wire = Wire::over(offering(addr, &[HTTP1]).await);
        wire.shake_hands("/hub").await;
        wires.push(wire);
    }
    assert_eq!(hub.connection_count(), 20);
    // No closing alert of TLS, no close frame.
    drop(wires);
    until(|| hub.connection_count() == 0).await;
}
