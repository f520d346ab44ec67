//! Through an HTTP proxy that a test plays.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use signalr::{HttpTransportType, HubConnection, HubServer};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
};

use crate::{
    http_suite::serve,
    stand::{chain, in_time},
    support::Desk,
};

/// Tunnels to one server, whatever the name, and notes the heads of the requests; or answers with a status.
struct Proxy {
    addr: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    async fn new(server: SocketAddr, status: Option<&'static str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let addr = listener.local_addr().expect("bound");
        let heads = Arc::<Mutex<Vec<String>>>::default();
        let log = Arc::clone(&heads);
        tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.expect("it listens");
                let log = Arc::clone(&log);
                tokio::spawn(async move { tunnel(client, server, status, &log).await });
            }
        });
        Self { addr, heads }
    }

    fn heads(&self) -> Vec<String> {
        self.heads.lock().expect("not poisoned").clone()
    }
}

async fn tunnel(
    mut client: TcpStream,
    server: SocketAddr,
    status: Option<&str>,
    log: &Mutex<Vec<String>>,
) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await.expect("a head"));
    }
    let head = String::from_utf8(head).expect("a text");
    log.lock().expect("not poisoned").push(head);
    let answer = format!("HTTP/1.1 {}\r\n\r\n", status.unwrap_or("200 Connected"));
    client.write_all(answer.as_bytes()).await.expect("open");
    if status.is_none() {
        let mut server = TcpStream::connect(server).await.expect("it listens");
        let _ = copy_bidirectional(&mut client, &mut server).await;
    }
}

async fn server() -> SocketAddr {
    let url = serve(&HubServer::new(Desk::default())).await;
    let rest = url.strip_prefix("http://").expect("http");
    rest.split('/')
        .next()
        .expect("a host")
        .parse()
        .expect("an address")
}

#[tokio::test]
async fn every_transport_goes_through_the_proxy() {
    for transport in HttpTransportType::ALL {
        let proxy = Proxy::new(server().await, None).await;
        // The name has a meaning for the proxy alone.
        let connection = HubConnection::builder("http://inside.test/desk")
            .transports([*transport])
            .proxy(&format!("http://ann:secret@{}", proxy.addr))
            .connect();
        let connection = in_time(connection).await.expect("connected");
        let sum: i32 = connection.invoke("add", (1, 2)).await.expect("a sum");
        assert_eq!(sum, 3);
        in_time(connection.stop()).await;
        let heads = proxy.heads();
        assert!(heads.len() > 1 || *transport != HttpTransportType::WebSockets);
        for head in heads {
            assert!(
                head.starts_with("CONNECT inside.test:80 HTTP/1.1\r\n"),
                "{head}"
            );
            // ann:secret
            assert!(
                head.contains("Proxy-Authorization: Basic YW5uOnNlY3JldA==\r\n"),
                "{head}"
            );
        }
    }
}

#[tokio::test]
async fn a_proxy_that_refuses_is_named_and_its_password_is_not() {
    for (status, reason) in [
        (
            "407 Proxy Authentication Required",
            "proxy authorization required",
        ),
        ("403 Forbidden", "unsuccessful"),
    ] {
        let proxy = Proxy::new(server().await, Some(status)).await;
        let connection = HubConnection::builder("http://inside.test/desk?key=hidden")
            .proxy(&format!("http://ann:secret@{}", proxy.addr))
            .connect();
        let error = in_time(connection).await.expect_err("refused");
        assert!(error.is_connect());
        assert_eq!(
            error.to_string(),
            "negotiation at http://inside.test/desk/negotiate failed"
        );
        let all = chain(&error);
        let named = format!(": the proxy {} gave no way to inside.test:80: ", proxy.addr);
        assert!(all.contains(&named), "{all}");
        assert!(all.ends_with(reason), "{all}");
        let all = format!("{all} {error:?}");
        assert!(!all.contains("secret") && !all.contains("hidden"), "{all}");
    }
}

#[tokio::test]
async fn a_proxy_that_is_not_there_is_named_whatever_it_is_for() {
    let gone = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let addr = gone.local_addr().expect("bound");
    drop(gone);
    let builder = || {
        HubConnection::builder("http://inside.test/desk?key=hidden")
            .proxy(&format!("http://ann:secret@{addr}"))
    };
    let socket_alone = builder()
        .transports([HttpTransportType::WebSockets])
        .skip_negotiation(true);
    for (builder, what) in [
        (
            builder(),
            "negotiation at http://inside.test/desk/negotiate failed",
        ),
        (
            socket_alone,
            "the WebSocket at http://inside.test/desk failed",
        ),
    ] {
        let error = in_time(builder.connect()).await.expect_err("nobody there");
        assert!(error.is_connect());
        let all = chain(&error);
        assert!(all.starts_with(what), "{all}");
        let named = format!(": the proxy {addr} gave no way to inside.test:80: ");
        assert!(all.contains(&named), "{all}");
        let all = format!("{all} {error:?}");
        assert!(!all.contains("secret") && !all.contains("hidden"), "{all}");
    }
}

#[tokio::test]
async fn without_a_proxy_the_name_is_looked_up_here() {
    let addr = server().await;
    let connection = HubConnection::builder(format!("http://localhost:{}/desk", addr.port()));
    in_time(connection.no_proxy().connect())
        .await
        .expect("connected");
}

/// The hub's address for a process of its own.
const HUB: &str = "SIGNALR_TEST_HUB";

/// In a process of its own, whose environment names the proxy.
async fn behind_the_environment(hub: String) {
    let connection = HubConnection::builder(hub).connect();
    let connection = in_time(connection).await.expect("connected");
    let sum: i32 = connection.invoke("add", (1, 2)).await.expect("a sum");
    assert_eq!(sum, 3);
}

/// Calls a hub in a process with these variables, and no others that name proxies.
async fn call_behind(variables: &[(&str, String)]) {
    let mut child = tokio::process::Command::new(std::env::current_exe().expect("a test"));
    for other in [
        "HTTP_PROXY",
        "http_proxy",
        "ALL_PROXY",
        "all_proxy",
        "NO_PROXY",
        "no_proxy",
    ] {
        child.env_remove(other);
    }
    child.args(["--exact", "http_proxy::the_environment_names_the_proxy"]);
    for (variable, value) in variables {
        child.env(variable, value);
    }
    let output = in_time(child.output()).await.expect("it runs");
    assert!(output.status.success(), "{variables:?}: {output:?}");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("1 passed"), "{said}");
}

#[tokio::test]
async fn the_environment_names_the_proxy() {
    if let Ok(hub) = std::env::var(HUB) {
        // This is the process that the test has started.
        return behind_the_environment(hub).await;
    }
    for variable in ["HTTP_PROXY", "http_proxy", "ALL_PROXY"] {
        let proxy = Proxy::new(server().await, None).await;
        call_behind(&[
            (HUB, "http://inside.test/desk".to_owned()),
            (variable, format!("http://{}", proxy.addr)),
        ])
        .await;
        assert!(!proxy.heads().is_empty());
    }
}

/// The address of this machine that is none of its loopback interface.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_environment_names_servers_without_a_proxy() {
    let server = server().await;
    let hub = format!("http://0.0.0.0:{}/desk", server.port());
    for (variable, value, is_direct) in [
        ("NO_PROXY", "0.0.0.0", true),
        ("no_proxy", "example.test, 0.0.0.0/8", true),
        ("NO_PROXY", "*", true),
        ("NO_PROXY", "example.test", false),
    ] {
        let proxy = Proxy::new(server, None).await;
        call_behind(&[
            (HUB, hub.clone()),
            ("HTTP_PROXY", format!("http://{}", proxy.addr)),
            (variable, value.to_owned()),
        ])
        .await;
        assert_eq!(proxy.heads().is_empty(), is_direct, "{variable}={value}");
    }
}
