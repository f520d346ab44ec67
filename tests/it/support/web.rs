//! HTTP/1.1 and WebSockets by hand over real sockets.

use std::{net::SocketAddr, time::Duration};

use bytes::{Buf, BytesMut};
use serde_json::Value;
use signalr::{Hub, HubServer, Server};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
};

const PATIENCE: Duration = Duration::from_secs(30);
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

pub const UPGRADE: &str = "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
pub const HANDSHAKE: &[u8] = b"{\"protocol\":\"json\",\"version\":1}\x1e";
pub const TEXT: u8 = 0x81;
pub const BINARY: u8 = 0x82;
pub const CLOSE: u8 = 0x88;
pub const PONG: u8 = 0x8a;

/// Serves a hub at `/hub`, on a port of the system's choice.
pub async fn serve<H: Hub>(hub: &HubServer<H>) -> SocketAddr {
    start(Server::new().mount(hub.at("/hub"))).await
}

pub async fn start(server: Server) -> SocketAddr {
    let bound = server.bind("127.0.0.1:0").await.expect("a free port");
    let addr = bound.local_addr().expect("bound");
    tokio::spawn(bound.run());
    addr
}

/// Fails the test instead of waiting for ever, in real time.
pub async fn in_time<T>(what: impl Future<Output = T>) -> T {
    let done = tokio::time::timeout(PATIENCE, what).await;
    done.expect("it happens in time")
}

/// Waits until something that other tasks do has happened.
pub async fn until(happened: impl Fn() -> bool) {
    in_time(async {
        while !happened() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

/// An HTTP response.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut fields = self.head.lines().filter_map(|line| line.split_once(": "));
        let found = fields.find(|(field, _)| field.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value)
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect(&self.body)
    }

    /// It is plain text of exactly this status and content.
    #[track_caller]
    pub fn expect_text(&self, status: u16, body: &str) {
        assert_eq!((self.status, &*self.body), (status, body));
        assert_eq!(self.header("content-type"), Some("text/plain"));
    }
}

/// One request on a connection of its own.
pub async fn ask(addr: SocketAddr, method: &str, target: &str, headers: &str) -> Answer {
    let mut wire = Wire::open(addr).await;
    wire.ask(method, target, headers).await
}

/// Negotiates at `/hub`: the id and the token.
pub async fn negotiate(addr: SocketAddr) -> (String, String) {
    let answer = ask(addr, "POST", "/hub/negotiate?negotiateVersion=1", "").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let json = answer.json();
    let text = |name: &str| json[name].as_str().expect("a text").to_owned();
    (text("connectionId"), text("connectionToken"))
}

/// A socket, or a pipe in its place, with HTTP at first and WebSocket frames later.
pub struct Wire<S = TcpStream> {
    io: S,
    buffer: BytesMut,
}

impl Wire {
    pub async fn open(addr: SocketAddr) -> Self {
        let io = TcpStream::connect(addr).await.expect("it listens");
        io.set_nodelay(true).expect("a socket");
        Self::over(io)
    }

    /// Opens a WebSocket; the answer says whether it worked.
    pub async fn upgrade(addr: SocketAddr, target: &str, headers: &str) -> (Self, Answer) {
        let mut wire = Self::open(addr).await;
        let headers = format!("{UPGRADE}{headers}");
        let answer = wire.ask("GET", target, &headers).await;
        (wire, answer)
    }

    /// Opens a WebSocket and shakes hands for JSON.
    pub async fn connect(addr: SocketAddr, target: &str) -> Self {
        let mut wire = Self::open(addr).await;
        wire.shake_hands(target).await;
        wire
    }

    pub fn local_addr(&self) -> SocketAddr {
        self.io.local_addr().expect("a socket")
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    pub fn over(io: S) -> Self {
        Self {
            io,
            buffer: BytesMut::new(),
        }
    }

    /// Turns into a WebSocket and shakes hands for JSON.
    pub async fn shake_hands(&mut self, target: &str) {
        let answer = self.ask("GET", target, UPGRADE).await;
        assert_eq!(answer.status, 101, "{answer:?}");
        self.frame(TEXT, HANDSHAKE).await;
        assert_eq!(self.next().await, Some((TEXT, b"{}\x1e".to_vec())));
    }

    pub async fn ask(&mut self, method: &str, target: &str, headers: &str) -> Answer {
        let length = if method == "POST" {
            "Content-Length: 0\r\n"
        } else {
            ""
        };
        let request = format!("{method} {target} HTTP/1.1\r\nHost: test\r\n{headers}{length}\r\n");
        self.send(request.as_bytes()).await;
        self.answer(method).await
    }

    /// Posts a body of known length.
    pub async fn post(&mut self, target: &str, body: &[u8]) -> Answer {
        let length = body.len();
        let head =
            format!("POST {target} HTTP/1.1\r\nHost: test\r\nContent-Length: {length}\r\n\r\n");
        self.send(&[head.as_bytes(), body].concat()).await;
        self.answer("POST").await
    }

    /// The next chunk of a body without length; `None` at its end.
    pub async fn chunk(&mut self) -> Option<String> {
        let (start, length) = loop {
            if let Some(end) = self.buffer.windows(2).position(|two| two == b"\r\n") {
                let length = std::str::from_utf8(&self.buffer[..end]).expect("a text");
                break (
                    end + 2,
                    usize::from_str_radix(length, 16).expect("a length"),
                );
            }
            assert!(self.fill().await, "the end before a chunk");
        };
        while self.buffer.len() < start + length + 2 {
            assert!(self.fill().await, "the end within a chunk");
        }
        let chunk = self.buffer.split_to(start + length + 2);
        let text = String::from_utf8(chunk[start..start + length].to_vec()).expect("a text");
        (length > 0).then_some(text)
    }

    /// All that still comes until the server closes the socket, in whatever way.
    pub async fn rest(&mut self) -> Vec<u8> {
        while self.fill().await {}
        self.buffer.to_vec()
    }

    /// Whether the server has closed its side; nothing comes before.
    pub async fn is_ended(&mut self) -> bool {
        !self.fill().await && self.buffer.is_empty()
    }

    /// Whether the server still takes what is sent.
    pub async fn try_send(&mut self, bytes: &[u8]) -> bool {
        in_time(self.io.write_all(bytes)).await.is_ok()
    }

    pub async fn send(&mut self, bytes: &[u8]) {
        in_time(self.io.write_all(bytes)).await.expect("it reads");
    }

    /// Says that nothing more will be sent.
    pub async fn finish(&mut self) {
        self.io.shutdown().await.expect("open");
    }

    /// The server closes with this code and, once answered, the socket.
    pub async fn expect_closed(&mut self, code: u16) {
        let close = Some((CLOSE, code.to_be_bytes().to_vec()));
        assert_eq!(self.next().await, close);
        let answer = masked(CLOSE, &code.to_be_bytes());
        self.io.write_all(&answer).await.ok();
        assert_eq!(self.next().await, None);
    }

    /// Reads on; `false` at the end.
    async fn fill(&mut self) -> bool {
        let read = in_time(self.io.read_buf(&mut self.buffer)).await;
        read.is_ok_and(|read| read > 0)
    }

    pub async fn answer(&mut self, method: &str) -> Answer {
        let end = loop {
            let end = self.buffer.windows(4).position(|four| four == b"\r\n\r\n");
            match end {
                Some(end) => break end + 4,
                None => assert!(self.fill().await, "the end within a head"),
            }
        };
        let head = self.buffer.split_to(end);
        let head = String::from_utf8(head.to_vec()).expect("a text");
        let status = head[9..12].parse().expect("a status");
        let body = String::new();
        let mut answer = Answer { status, head, body };
        let length = answer.header("content-length");
        let length = length.map_or(0, |length| length.parse().expect("a number"));
        if method != "HEAD" {
            while self.buffer.len() < length {
                assert!(self.fill().await, "the end within a body");
            }
            let body = self.buffer.split_to(length).to_vec();
            answer.body = String::from_utf8(body).expect("a text");
        }
        answer
    }

    /// Sends a masked frame whose first byte is `first`.
    pub async fn frame(&mut self, first: u8, payload: &[u8]) {
        self.send(&masked(first, payload)).await;
    }

    /// Sends a hub message with its separator in a frame of its own.
    pub async fn tell(&mut self, message: &str) {
        self.frame(TEXT, format!("{message}\x1e").as_bytes()).await;
    }

    /// The next frame: its first byte and its content. `None` at the end.
    pub async fn next(&mut self) -> Option<(u8, Vec<u8>)> {
        loop {
            if let Some((header, length)) = extent(&self.buffer)
                && self.buffer.len() >= header + length
            {
                let first = self.buffer[0];
                self.buffer.advance(header);
                return Some((first, self.buffer.split_to(length).to_vec()));
            }
            if !self.fill().await {
                assert!(self.buffer.is_empty(), "the end within a frame");
                return None;
            }
        }
    }

    /// The hub messages of the next data frame.
    pub async fn messages(&mut self) -> Vec<Value> {
        let (first, payload) = self.next().await.expect("the connection is open");
        assert_eq!(first, TEXT, "{payload:?}");
        let text = String::from_utf8(payload).expect("a text");
        let whole = text.strip_suffix('\x1e').expect("whole messages");
        let parse = |message| serde_json::from_str(message).expect(message);
        whole.split('\x1e').map(parse).collect()
    }

    /// Calls a method and waits for its result, which comes in a frame of its own.
    pub async fn invoke(&mut self, method: &str, arguments: Value) -> Value {
        let call = serde_json::json!({
            "type": 1, "invocationId": "i", "target": method, "arguments": arguments,
        });
        self.tell(&call.to_string()).await;
        let mut messages = self.messages().await;
        assert_eq!(messages.len(), 1, "{messages:?}");
        assert_eq!(messages[0]["type"], 3, "{messages:?}");
        messages[0]["result"].take()
    }
}

/// Length of a frame's header and of its payload; servers do not mask.
fn extent(bytes: &[u8]) -> Option<(usize, usize)> {
    let small = *bytes.get(1)?;
    assert!(small < 128, "a server does not mask");
    let field = |from: &[u8]| {
        from.iter()
            .fold(0, |sum, byte| sum << 8 | usize::from(*byte))
    };
    Some(match small {
        126 => (4, field(bytes.get(2..4)?)),
        127 => (10, field(bytes.get(2..10)?)),
        _ => (2, small.into()),
    })
}

/// A masked frame.
pub fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let length = payload.len();
    let mut frame = vec![first];
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(small @ ..126), _) => frame.push(0x80 | small),
        (_, Ok(medium)) => {
            frame.push(0x80 | 126);
            frame.extend(medium.to_be_bytes());
        }
        _ => {
            frame.push(0x80 | 127);
            frame.extend((length as u64).to_be_bytes());
        }
    }
    frame.extend(MASK);
    let mask = MASK.iter().cycle();
    frame.extend(payload.iter().zip(mask).map(|(byte, mask)| byte ^ mask));
    frame
}
