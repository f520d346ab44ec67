//! Our own listener with TLS: what is agreed on, what hubs see, and which certificates and keys are taken.

use std::{net::SocketAddr, sync::Arc};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use signalr::{Context, HttpTransportType, HubServer, PeerCertificates, Server, Tls, hub};
use tokio::net::TcpStream;
use tokio_tungstenite::{Connector, client_async_tls_with_config, tungstenite::Message};

use crate::support::{
    http2::Http2,
    tls::{H2, HTTP1, Identity, SERVER, client_config, offering, secure, server_config, tls},
    web::{HANDSHAKE, UPGRADE, Wire, in_time, start},
};

pub struct Shown;

#[hub]
impl Shown {
    /// HTTP's version, the transport, and the certificates that the client has shown.
    pub fn seen(&self, cx: &Context<Self>) -> (String, Option<&'static str>, Vec<Vec<u8>>) {
        let request = cx.request();
        let shown = request.extensions.get::<PeerCertificates>();
        let chain = shown.map(|PeerCertificates(chain)| chain.iter());
        let chain = chain.into_iter().flatten();
        (
            format!("{:?}", request.version),
            cx.transport().map(HttpTransportType::name),
            chain.map(|certificate| certificate.to_vec()).collect(),
        )
    }

    pub fn ends(&self, cx: &Context<Self>) -> (Option<SocketAddr>, Option<SocketAddr>) {
        (cx.peer_addr(), cx.local_addr())
    }

    pub fn echo(&self, text: String) -> String {
        text
    }

    pub fn large(&self, size: usize) -> String {
        "x".repeat(size)
    }
}

pub async fn shown(tls: impl Into<Tls>) -> SocketAddr {
    let hub = HubServer::new(Shown);
    start(Server::new().tls(tls).mount(hub.at("/hub"))).await
}

#[tokio::test]
async fn a_client_calls_a_hub_over_wss() {
    let addr = shown(tls()).await;
    let socket = TcpStream::connect(addr).await.expect("it listens");
    let url = format!("wss://localhost:{}/hub", addr.port());
    let connector = Connector::Rustls(client_config(&[], None));
    let opened = client_async_tls_with_config(url, socket, None, Some(connector)).await;
    let (mut socket, _) = opened.expect("a WebSocket");
    let send = |text: String| Message::text(text);
    let handshake = String::from_utf8(HANDSHAKE.to_vec()).expect("a text");
    socket.send(send(handshake)).await.expect("open");
    let answer = in_time(socket.next())
        .await
        .expect("open")
        .expect("a frame");
    assert_eq!(answer, Message::text("{}\x1e"));
    let call = json!({"type": 1, "invocationId": "1", "target": "seen", "arguments": []});
    socket
        .send(send(format!("{call}\x1e")))
        .await
        .expect("open");
    let answer = in_time(socket.next())
        .await
        .expect("open")
        .expect("a frame");
    let text = answer.into_text().expect("a text");
    let answer: Value = serde_json::from_str(text.trim_end_matches('\x1e')).expect("JSON");
    assert_eq!(answer["result"], json!(["HTTP/1.1", "WebSockets", []]));
}

#[tokio::test]
async fn a_hub_sees_both_ends_of_the_socket() {
    let addr = shown(tls()).await;
    let socket = offering(addr, &[]).await;
    let near = socket.get_ref().0.local_addr().expect("a socket");
    let mut wire = Wire::over(socket);
    wire.shake_hands("/hub").await;
    assert_eq!(wire.invoke("ends", json!([])).await, json!([near, addr]));
}

#[tokio::test]
async fn http2_is_liked_best_and_http1_is_spoken_with_who_says_nothing() {
    let addr = shown(tls()).await;
    for (offered, agreed) in [
        (&[H2, HTTP1][..], Some(H2)),
        (&[HTTP1, H2], Some(H2)),
        (&[H2], Some(H2)),
        (&[HTTP1], Some(HTTP1)),
        (&[b"h3", HTTP1], Some(HTTP1)),
        (&[], None),
    ] {
        let socket = offering(addr, offered).await;
        assert_eq!(socket.get_ref().1.alpn_protocol(), agreed, "{offered:?}");
        if agreed != Some(H2) {
            let mut wire = Wire::over(socket);
            wire.shake_hands("/hub").await;
            let seen = wire.invoke("seen", json!([])).await;
            assert_eq!(seen, json!(["HTTP/1.1", "WebSockets", []]));
        }
    }
    // Who speaks neither is told so, before any HTTP.
    let refused = secure(addr, client_config(&[b"h3", b"spdy/3"], None)).await;
    let refused = refused.expect_err("nothing in common").to_string();
    assert!(refused.contains("NoApplicationProtocol"), "{refused}");
}

#[tokio::test]
async fn protocols_that_a_configuration_names_are_kept() {
    let mut config = server_config(None);
    config.alpn_protocols = vec![HTTP1.to_vec()];
    let addr = shown(Arc::new(config)).await;
    let socket = offering(addr, &[H2, HTTP1]).await;
    assert_eq!(socket.get_ref().1.alpn_protocol(), Some(HTTP1));
}

#[tokio::test]
async fn a_hub_sees_the_certificates_of_a_client_that_has_shown_some() {
    let client = Identity::new();
    let addr = shown(server_config(Some(&client))).await;
    let config = client_config(&[HTTP1], Some(&client));
    let mut wire = Wire::over(secure(addr, config).await.expect("both can agree"));
    wire.shake_hands("/hub").await;
    let shown = json!([client.certificate().to_vec()]);
    assert_eq!(
        wire.invoke("seen", json!([])).await,
        json!(["HTTP/1.1", "WebSockets", shown])
    );
    let mut wire = Wire::over(offering(addr, &[HTTP1]).await);
    wire.shake_hands("/hub").await;
    let seen = wire.invoke("seen", json!([])).await;
    assert_eq!(seen, json!(["HTTP/1.1", "WebSockets", []]));
    // One that nobody has signed does not get in; with TLS 1.3 a client learns that when it reads.
    let stranger = client_config(&[HTTP1], Some(&Identity::new()));
    if let Ok(socket) = secure(addr, stranger).await {
        let mut wire = Wire::over(socket);
        wire.try_send(b"GET /hub HTTP/1.1\r\nHost: test\r\n\r\n")
            .await;
        assert!(wire.is_ended().await);
    }
}

#[tokio::test]
async fn messages_of_any_size_pass_both_ways() {
    let hub = HubServer::builder(Shown).max_receive_size(4_000_000);
    let hub = hub.build().expect("valid");
    let addr = start(Server::new().tls(tls()).mount(hub.at("/hub"))).await;
    let mut wire = Wire::over(offering(addr, &[]).await);
    wire.shake_hands("/hub").await;
    for size in [1, 16_384, 16_385, 100_000, 3_000_000] {
        let text = "y".repeat(size);
        assert_eq!(wire.invoke("echo", json!([text])).await, json!(text));
    }
}

#[tokio::test]
async fn a_page_in_clear_text_is_foreign_to_a_hub_over_tls() {
    let addr = shown(tls()).await;
    for (origin, status) in [
        ("https://test", 101),
        ("https://test:443", 101),
        ("http://test", 403),
        ("http://test:443", 403),
        ("app://test:443", 403),
    ] {
        let mut wire = Wire::over(offering(addr, &[HTTP1]).await);
        let headers = format!("Origin: {origin}\r\n{UPGRADE}");
        let answer = wire.ask("GET", "/hub", &headers).await;
        assert_eq!(answer.status, status, "{origin}: {answer:?}");
        let status = if status == 101 { 200 } else { status };
        let mut client = Http2::secure(addr).await;
        let headers = [("origin", origin)];
        let answer = client.ask("POST", "/hub/negotiate", &headers, "").await;
        assert_eq!(answer.status().as_u16(), status, "{origin}");
        let headers = [("origin", origin), ("sec-websocket-version", "13")];
        let answer = client.connect("/hub", "websocket", &headers).await;
        assert_eq!(answer.status().as_u16(), status, "{origin}");
    }
}

#[test]
fn certificates_and_keys_come_from_pem_files() {
    let folder = std::env::temp_dir().join(format!("signalr-tls-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let file = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::write(&path, text).expect("written");
        path
    };
    let chain = file("chain.pem", &SERVER.chain_pem());
    let key = file("key.pem", &SERVER.key_pem());
    let other = file("other.pem", &Identity::new().key_pem());
    let empty = file("empty.pem", "");
    let broken = file(
        "broken.pem",
        "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n",
    );
    assert!(Tls::from_pem_files(&chain, &key).is_ok());
    // Both may be in one file.
    let both = file("both.pem", &(SERVER.key_pem() + &SERVER.chain_pem()));
    assert!(Tls::from_pem_files(&both, &both).is_ok());
    let missing = folder.join("missing.pem");
    for (chain, key, named, text) in [
        (&missing, &key, "missing.pem", "No such file"),
        (&chain, &missing, "missing.pem", "No such file"),
        (&empty, &key, "empty.pem", "no certificate in PEM form"),
        (&key, &key, "key.pem", "no certificate in PEM form"),
        (&broken, &key, "broken.pem", "base64"),
        (&chain, &chain, "chain.pem", "no private key in PEM form"),
        (&chain, &other, "chain.pem", "keys may not be consistent"),
    ] {
        let error = Tls::from_pem_files(chain, key).expect_err(text);
        let error = error.to_string();
        assert!(error.contains(named) && error.contains(text), "{error}");
    }
    std::fs::remove_dir_all(&folder).expect("ours");
    let shown = format!("{:?}", tls());
    assert!(!shown.contains("PRIVATE") && shown.len() < 20, "{shown}");
}
