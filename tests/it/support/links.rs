//! A client with stateful reconnect by hand: one WebSocket after another over in-memory pipes, in the encoding of the test.

use std::collections::VecDeque;

use bytes::BytesMut;
use hyper::server::conn::http1;
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use serde_json::{Value, json};
use signalr::{Hub, HubServer};
use tokio::io::DuplexStream;

use super::{
    Encoding, PING, msgpack,
    web::{Answer, BINARY, TEXT, UPGRADE, Wire},
};

/// What a pipe holds in each direction.
const PIPE: usize = 64 * 1024;

/// A negotiated connection.
pub struct Links<H: Hub> {
    hub: HubServer<H>,
    pub token: String,
}

/// An HTTP connection to a hub whose path is `/`.
pub fn http<H: Hub>(hub: &HubServer<H>) -> Wire<DuplexStream> {
    let (near, far) = tokio::io::duplex(PIPE);
    let service = TowerToHyperService::new(hub.clone());
    let served = http1::Builder::new().serve_connection(TokioIo::new(far), service);
    tokio::spawn(served.with_upgrades());
    Wire::over(near)
}

pub async fn negotiate<H: Hub>(hub: &HubServer<H>, query: &str) -> Value {
    let target = format!("/negotiate?{query}");
    http(hub).ask("POST", &target, "").await.json()
}

impl<H: Hub> Links<H> {
    pub async fn negotiate(hub: &HubServer<H>) -> Self {
        let answer = negotiate(hub, "negotiateVersion=1&useStatefulReconnect=true").await;
        assert_eq!(answer["useStatefulReconnect"], true, "{answer}");
        Self {
            hub: hub.clone(),
            token: answer["connectionToken"]
                .as_str()
                .expect("a text")
                .to_owned(),
        }
    }

    /// A first socket, with the handshake of version 2 done.
    pub async fn connect(hub: &HubServer<H>) -> (Self, Socket) {
        let links = Self::negotiate(hub).await;
        let mut socket = links.socket().await;
        socket.shake_hands(2).await;
        (links, socket)
    }

    /// Asks for a socket, with further headers.
    pub async fn ask(&self, headers: &str) -> (Wire<DuplexStream>, Answer) {
        let mut wire = http(&self.hub);
        let target = format!("/?id={}", self.token);
        let answer = wire
            .ask("GET", &target, &format!("{UPGRADE}{headers}"))
            .await;
        (wire, answer)
    }

    /// What a further socket is refused with.
    pub async fn refused(&self) -> u16 {
        self.ask("").await.1.status
    }

    pub async fn socket(&self) -> Socket {
        let (wire, answer) = self.ask("").await;
        assert_eq!(answer.status, 101, "{answer:?}");
        Socket {
            wire,
            heard: VecDeque::new(),
            encoding: Encoding::of_this_test(),
        }
    }

    /// A further socket; the server's first number is this, and so is the client's.
    pub async fn renew(&self, server: i64, client: i64) -> Socket {
        let mut socket = self.socket().await;
        assert_eq!(socket.hear().await, sequence(server));
        socket.say(&sequence(client)).await;
        socket
    }
}

pub fn sequence(number: i64) -> String {
    format!(r#"{{"type":9,"sequenceId":{number}}}"#)
}

pub fn ack(number: i64) -> String {
    format!(r#"{{"type":8,"sequenceId":{number}}}"#)
}

/// One socket of a connection. Dropping it is a cut.
pub struct Socket {
    pub wire: Wire<DuplexStream>,
    heard: VecDeque<Vec<u8>>,
    encoding: Encoding,
}

impl Socket {
    pub async fn shake_hands(&mut self, version: u8) {
        let name = self.encoding.name();
        let request = format!("{{\"protocol\":\"{name}\",\"version\":{version}}}\u{1e}");
        self.wire.frame(TEXT, request.as_bytes()).await;
        let (_, answer) = self.wire.next().await.expect("open");
        assert_eq!(answer, b"{}\x1e");
    }

    pub async fn say(&mut self, message: &str) {
        let frame = self.encoding.frame(message);
        self.raw(&frame).await;
    }

    pub async fn raw(&mut self, bytes: &[u8]) {
        let first = match self.encoding {
            Encoding::Json => TEXT,
            Encoding::MessagePack => BINARY,
        };
        self.wire.frame(first, bytes).await;
    }

    pub async fn call(&mut self, id: &str, method: &str, arguments: Value) {
        let call = json!({"type": 1, "invocationId": id, "target": method, "arguments": arguments});
        self.say(&call.to_string()).await;
    }

    pub async fn tell(&mut self, method: &str, arguments: Value) {
        let call = json!({"type": 1, "target": method, "arguments": arguments});
        self.say(&call.to_string()).await;
    }

    /// The next message but pings, as it came; `None`: the socket has ended, or is being closed.
    pub async fn bytes(&mut self) -> Option<Vec<u8>> {
        loop {
            if let Some(message) = self.heard.pop_front() {
                if self.show(&message) == PING {
                    continue;
                }
                return Some(message);
            }
            let (first, payload) = self.wire.next().await?;
            if first != TEXT && first != BINARY {
                return None;
            }
            let mut payload = BytesMut::from(&payload[..]);
            match self.encoding {
                Encoding::Json => {
                    let whole = payload.strip_suffix(b"\x1e").expect("whole messages");
                    self.heard
                        .extend(whole.split(|byte| *byte == 0x1e).map(<[u8]>::to_vec));
                }
                Encoding::MessagePack => {
                    while let Some(body) = msgpack::take_frame(&mut payload) {
                        self.heard.push_back(body.to_vec());
                    }
                    assert!(payload.is_empty(), "whole messages");
                }
            }
        }
    }

    pub async fn hear(&mut self) -> String {
        let message = self.bytes().await.expect("open");
        self.show(&message)
    }

    /// All that comes until nobody has anything left to do.
    pub async fn hear_all(&mut self) -> Vec<String> {
        let mut all = Vec::new();
        let patience = std::time::Duration::from_millis(5);
        while let Ok(Some(message)) = tokio::time::timeout(patience, self.bytes()).await {
            all.push(self.show(&message));
        }
        all
    }

    fn show(&self, message: &[u8]) -> String {
        match self.encoding {
            Encoding::Json => String::from_utf8(message.to_vec()).expect("a text"),
            Encoding::MessagePack => msgpack::show(message),
        }
    }
}
