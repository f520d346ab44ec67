//! A small HTTP/1.1 client, and WebSocket frames by hand, over a real socket.

use std::{collections::HashMap, net::SocketAddr};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

const MASK: [u8; 4] = [1, 2, 3, 4];
/// What asks for a WebSocket, up to the empty line.
pub const UPGRADE: &str = "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

pub struct Response {
    pub status: u16,
    pub headers: HashMap<String, String>,
    pub body: String,
}

impl Response {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value)
    }
}

/// One TCP connection.
pub struct Http {
    pub io: TcpStream,
    pub buffer: Vec<u8>,
}

impl Http {
    pub async fn connect(addr: SocketAddr) -> Self {
        let io = TcpStream::connect(addr).await.expect("the server listens");
        let buffer = Vec::new();
        Self { io, buffer }
    }

    /// Sends a request without a body, with more bytes behind it if so wanted, and reads the head of the answer and its body.
    pub async fn request(&mut self, line: &str, headers: &str, behind: &[u8]) -> Response {
        let head = format!("{line} HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\n{headers}\r\n");
        let bytes = [head.as_bytes(), behind].concat();
        self.io.write_all(&bytes).await.expect("sent");
        let end = loop {
            if let Some(end) = self.buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
            self.more().await;
        };
        let head: Vec<u8> = self.buffer.drain(..end).collect();
        let head = String::from_utf8(head).expect("ASCII");
        let mut lines = head.lines();
        let status = lines
            .next()
            .and_then(|line| line.split(' ').nth(1))
            .expect("a status");
        let headers: HashMap<_, _> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        let is_head = line.starts_with("HEAD");
        let length = headers.get("content-length").filter(|_| !is_head);
        let length = length.map_or(0, |length| length.parse().expect("a number"));
        while self.buffer.len() < length {
            self.more().await;
        }
        let body = self.buffer.drain(..length).collect();
        Response {
            status: status.parse().expect("a number"),
            headers,
            body: String::from_utf8(body).expect("UTF-8"),
        }
    }

    async fn more(&mut self) {
        assert!(
            self.io.read_buf(&mut self.buffer).await.expect("readable") > 0,
            "cut off"
        );
    }

    /// Sends one frame, masked.
    pub async fn send_frame(&mut self, first: u8, payload: &[u8]) {
        self.io
            .write_all(&frame(first, payload))
            .await
            .expect("sent");
    }

    /// The next frame of the server as it came, header and all; `None` at the end.
    pub async fn frame(&mut self) -> Option<Vec<u8>> {
        loop {
            if self.buffer.len() >= 2 {
                let short = usize::from(self.buffer[1]);
                let (header, length) = match (short, &self.buffer[2..]) {
                    (126, [a, b, ..]) => (4, Some(usize::from(u16::from_be_bytes([*a, *b])))),
                    (126, _) => (4, None),
                    (127, _) => panic!("no test needs frames that long"),
                    _ => (2, Some(short)),
                };
                if let Some(whole) = length
                    .map(|length| header + length)
                    .filter(|whole| self.buffer.len() >= *whole)
                {
                    return Some(self.buffer.drain(..whole).collect());
                }
            }
            if self.io.read_buf(&mut self.buffer).await.unwrap_or(0) == 0 {
                assert!(self.buffer.is_empty(), "half a frame");
                return None;
            }
        }
    }

    /// The text of the next frame.
    pub async fn text(&mut self) -> String {
        let frame = self.frame().await.expect("open");
        let payload = if frame[1] == 126 {
            &frame[4..]
        } else {
            &frame[2..]
        };
        String::from_utf8(payload.to_vec()).expect("UTF-8")
    }
}

pub fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match payload.len() {
        length @ 0..=125 => bytes.push(0x80 | u8::try_from(length).expect("short")),
        length @ 126..=0xffff => {
            bytes.push(0xfe);
            bytes.extend(u16::try_from(length).expect("short").to_be_bytes());
        }
        length => {
            bytes.push(0xff);
            bytes.extend((length as u64).to_be_bytes());
        }
    }
    bytes.extend(MASK);
    bytes.extend(
        payload
            .iter()
            .zip(MASK.iter().cycle())
            .map(|(byte, mask)| byte ^ mask),
    );
    bytes
}
