//! Listeners in a process that has run out of file descriptors. One test: it takes them all.

use std::time::Duration;

use signalr::{HubServer, Server, hub};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

struct Quiet;

#[hub]
impl Quiet {}

/// Fails the test instead of waiting for ever.
async fn in_time<T>(what: impl Future<Output = T>) -> T {
    let done = tokio::time::timeout(Duration::from_secs(30), what).await;
    done.expect("it happens in time")
}

async fn shake_hands(socket: &mut TcpStream) {
    let handshake = b"{\"protocol\":\"json\",\"version\":1}\x1e";
    socket.write_all(handshake).await.expect("it reads");
    let mut answer = [0; 3];
    let read = in_time(socket.read_exact(&mut answer)).await;
    read.expect("an answer");
    assert_eq!(&answer, b"{}\x1e");
}

async fn negotiate(socket: &mut TcpStream) {
    let request = b"POST /hub/negotiate HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\n\r\n";
    socket.write_all(request).await.expect("it reads");
    let mut answer = [0; 15];
    let read = in_time(socket.read_exact(&mut answer)).await;
    read.expect("an answer");
    assert_eq!(&answer, b"HTTP/1.1 200 OK");
}

#[tokio::test]
async fn listeners_outlast_a_lack_of_descriptors() {
    let (_, most) = rlimit::Resource::NOFILE.get().expect("a limit");
    let few = rlimit::Resource::NOFILE.set(64, most);
    few.expect("a limit of this process's own");

    let hub = HubServer::new(Quiet);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let raw = listener.local_addr().expect("bound");
    let served = hub.clone();
    let serving_raw = tokio::spawn(async move { served.serve_tcp(listener).await });
    let server = Server::new().mount(hub.at("/hub"));
    let bound = server.bind("127.0.0.1:0").await.expect("a free port");
    let web = bound.local_addr().expect("bound");
    let serving_web = tokio::spawn(bound.run());

    // Two descriptors for each that is accepted; then those of clients take the rest, while both listeners have more to accept.
    let mut sockets = Vec::new();
    let out_of_them = loop {
        let addr = if sockets.len() % 2 == 0 { raw } else { web };
        match TcpStream::connect(addr).await {
            Ok(socket) => sockets.push((addr, socket)),
            Err(error) => break error,
        }
    };
    assert_eq!(out_of_them.raw_os_error(), Some(24), "{out_of_them}");
    // The listeners meet it too, and rest.
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(!serving_raw.is_finished() && !serving_web.is_finished());
    let accepted = hub.connection_count();
    assert!(
        accepted < sockets.iter().filter(|(addr, _)| *addr == raw).count(),
        "some wait to be accepted: {accepted} of {}",
        sockets.len()
    );

    // As some go, all others are served, those that waited too.
    sockets.drain(..sockets.len() / 2);
    for (addr, socket) in &mut sockets {
        if *addr == raw {
            shake_hands(socket).await;
        } else {
            negotiate(socket).await;
        }
    }
    drop(sockets);
    shake_hands(&mut TcpStream::connect(raw).await.expect("it listens")).await;
    negotiate(&mut TcpStream::connect(web).await.expect("it listens")).await;
}
