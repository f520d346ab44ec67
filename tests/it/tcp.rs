//! What is particular to sockets: addresses, owners, silence, broken clients, the listener's own life.

use std::{net::SocketAddr, time::Duration};

use http::Request;
use serde_json::{Value, json};
use signalr::{Context, HubServer, PeerAddr, hub};
use tokio::{
    net::{TcpListener, TcpStream, unix::UCred},
    time::Instant,
};

use crate::support::{Encoding, Line, PING, Peer, Place, web::in_time};

struct Desk;

#[hub]
impl Desk {
    pub fn addresses(&self, cx: &Context<Self>) -> [Option<SocketAddr>; 2] {
        [cx.peer_addr(), cx.local_addr()]
    }

    pub fn who(&self, cx: &Context<Self>) -> Option<String> {
        cx.user_id().map(str::to_owned)
    }

    pub fn header(&self, cx: &Context<Self>) -> Option<String> {
        let header = cx.request().headers.get("x-tenant")?;
        Some(header.to_str().expect("a text").to_owned())
    }
}

async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    (listener, address)
}

#[apply(both_encodings)]
async fn the_hub_sees_both_addresses_of_a_tcp_connection() {
    tokio::time::resume();
    let (listener, address) = listener().await;
    tokio::spawn(async move { HubServer::new(Desk).serve_tcp(listener).await });
    let socket = TcpStream::connect(address).await.expect("it listens");
    let own = socket.local_addr().expect("a socket");
    let mut peer = Peer::over(socket);
    peer.shake_hands().await;
    let seen = peer.invoke("addresses", json!([])).await;
    assert_eq!(seen, json!([own.to_string(), address.to_string()]));
}

#[apply(both_encodings)]
async fn the_owner_of_a_unix_socket_can_be_the_user() {
    let owner = |request: &http::request::Parts| {
        let who = request.extensions.get::<UCred>()?;
        Some(format!("{}:{}", who.uid(), who.pid()?))
    };
    let server = HubServer::builder(Desk).user_id(owner);
    let place = Place::new(Line::Unix, &server.build().expect("valid")).await;
    let mut peer = place.connect().await;
    let who = peer.invoke("who", json!([])).await;
    let pid = std::process::id().to_string();
    let who = who.as_str().expect("the system knows");
    let (uid, seen) = who.split_once(':').expect("two parts");
    assert_eq!(seen, pid);
    let owner = std::fs::metadata("/proc/self").expect("Linux");
    let own = std::os::unix::fs::MetadataExt::uid(&owner).to_string();
    assert_eq!(uid, own);
    assert_eq!(
        peer.invoke("addresses", json!([])).await,
        json!([null, null])
    );
}

#[apply(both_encodings)]
async fn a_listener_of_ones_own_can_say_who_its_client_is() {
    let user = |request: &http::request::Parts| request.extensions.get::<String>().cloned();
    let server = HubServer::builder(Desk).user_id(user).build();
    let server = server.expect("valid");
    let (near, far) = tokio::io::duplex(1_024);
    let address = SocketAddr::from(([192, 0, 2, 7], 700));
    let request = Request::builder()
        .header("x-tenant", "seven")
        .extension("ada".to_owned())
        .extension(PeerAddr(address))
        .body(())
        .expect("a request");
    let served = server.clone();
    tokio::spawn(async move { served.serve_connection_with(request, far).await });
    let mut peer = Peer::over(near);
    peer.shake_hands().await;
    assert_eq!(peer.invoke("who", json!([])).await, "ada");
    assert_eq!(peer.invoke("header", json!([])).await, "seven");
    let seen = peer.invoke("addresses", json!([])).await;
    assert_eq!(seen, json!(["192.0.2.7:700", null]));
    let mut nobody = Peer::connect(&server).await;
    assert_eq!(nobody.invoke("who", json!([])).await, Value::Null);
}

#[apply(both_encodings)]
async fn a_silent_client_is_cut_off_after_the_handshake_timeout() {
    let server = HubServer::builder(Desk).handshake_timeout(Duration::from_millis(500));
    let server = server.build().expect("valid");
    for line in [Line::Tcp, Line::Unix] {
        let place = Place::new(line, &server).await;
        let mut slow = place.open().await;
        let mut silent = place.open().await;
        let begun = Instant::now();
        let handshake = Encoding::of_this_test().handshake();
        slow.send_bytes(&handshake[..handshake.len() - 1]).await;
        for peer in [&mut slow, &mut silent] {
            let refusal = r#"{"error":"Handshake was canceled."}"#;
            let frame = in_time(peer.frame()).await;
            assert_eq!(frame.as_deref(), Some(refusal), "{line:?}");
            // The server's clock is as coarse as its heartbeat; paused time shows the exact moment elsewhere.
            assert!(begun.elapsed() >= Duration::from_millis(250));
            assert_eq!(in_time(peer.frame()).await, None);
        }
        drop((slow, silent));
        in_time(server.closed()).await;
        place.connect().await.expect_silence().await;
    }
}

#[apply(both_encodings)]
async fn the_heartbeat_runs_on_sockets_too() {
    let server = HubServer::builder(Desk)
        .keep_alive(Duration::from_millis(200))
        .client_timeout(Duration::from_secs(2));
    let place = Place::new(Line::Tcp, &server.build().expect("valid")).await;
    let (mut silent, mut lively) = (place.connect().await, place.connect().await);
    let begun = Instant::now();
    let mut pings = 0;
    let last = loop {
        let frame = in_time(silent.frame()).await.expect("a ping or a goodbye");
        if frame != PING {
            break frame;
        }
        pings += 1;
        // The other one answers each ping, and stays.
        assert_eq!(in_time(lively.frame()).await.as_deref(), Some(PING));
        lively.send(PING).await;
    };
    let close = r#"{"type":7,"error":"Connection closed with an error.","allowReconnect":true}"#;
    assert_eq!(last, close);
    assert!((2..=11).contains(&pings), "{pings} pings");
    assert!(begun.elapsed() >= Duration::from_secs(1));
    silent.expect_end().await;
    lively.expect_silence().await;
}

#[apply(both_encodings)]
async fn clients_that_break_off_at_once_do_not_stop_the_listener() {
    tokio::time::resume();
    let (listener, address) = listener().await;
    let server = HubServer::new(Desk);
    let served = server.clone();
    let listening = tokio::spawn(async move { served.serve_tcp(listener).await });
    for number in 0..100 {
        let socket = TcpStream::connect(address).await.expect("it listens");
        // The socket is reset instead of closed, most before the server has seen them.
        socket.set_zero_linger().expect("a socket");
        if number % 10 == 0 {
            tokio::task::yield_now().await;
        }
    }
    let socket = TcpStream::connect(address).await.expect("it listens");
    let mut peer = Peer::over(socket);
    peer.shake_hands().await;
    peer.expect_silence().await;
    assert!(!listening.is_finished());
    drop(peer);
    in_time(server.closed()).await;
}

#[apply(both_encodings)]
async fn a_listener_that_is_dropped_leaves_its_connections_alone() {
    for line in [Line::Tcp, Line::Unix] {
        let place = Place::new(line, &HubServer::new(Desk)).await;
        let mut peer = place.connect().await;
        let listening = place.listening.as_ref().expect("a listener");
        listening.abort();
        crate::support::web::until(|| listening.is_finished()).await;
        assert!(place.try_open().await.is_err(), "{line:?}");
        peer.expect_silence().await;
    }
}

#[apply(both_encodings)]
async fn a_listener_given_to_a_server_that_has_shut_down_ends_at_once() {
    tokio::time::resume();
    let server = HubServer::new(Desk);
    server.shutdown(Duration::ZERO).await;
    let (listener, address) = listener().await;
    in_time(server.serve_tcp(listener)).await;
    assert!(TcpStream::connect(address).await.is_err());
}
