//! Clients that block: one thread reads all of them in turn.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
};

/// One delivery, frame and all.
pub(crate) const MESSAGE: &[u8] =
    b"\x81\x4f{\"type\":1,\"target\":\"receive\",\"arguments\":[\"thirty-two characters of payload\"]}\x1e";
const CALL: &[u8] = b"{\"type\":1,\"target\":\"broadcast\",\"arguments\":[\"thirty-two characters of payload\"]}\x1e";
const UPGRADE: &[u8] =
    b"GET /hub HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

pub(crate) struct Socket(TcpStream);

impl Socket {
    pub(crate) fn open(addr: SocketAddr) -> Self {
        let socket = TcpStream::connect(addr).expect("it listens");
        socket.set_nodelay(true).expect("a socket");
        Self(socket)
    }

    /// Opens a WebSocket and shakes hands for JSON.
    pub(crate) fn websocket(addr: SocketAddr) -> Self {
        let mut socket = Self::open(addr);
        socket.0.write_all(UPGRADE).expect("open");
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            socket.0.read_exact(&mut byte).expect("an answer");
            head.push(byte[0]);
        }
        assert!(head.starts_with(b"HTTP/1.1 101"), "{}", head.escape_ascii());
        socket.frame(b"{\"protocol\":\"json\",\"version\":1}\x1e");
        let mut answer = [0; 5];
        socket.0.read_exact(&mut answer).expect("an answer");
        assert_eq!(&answer, b"\x81\x03{}\x1e");
        socket
    }

    pub(crate) fn ask_for_broadcast(&mut self, of_a_hub: bool) {
        if of_a_hub {
            self.frame(CALL);
        } else {
            self.0.write_all(b"!").expect("open");
        }
    }

    /// Reads one delivery; what else comes, such as a ping, is passed over.
    pub(crate) fn hear(&mut self) {
        loop {
            let mut head = [0; 2];
            self.0.read_exact(&mut head).expect("open");
            assert!(head[1] < 126, "a short message");
            let mut message = [0; 126];
            let message = &mut message[..usize::from(head[1])];
            self.0.read_exact(message).expect("open");
            if *message == MESSAGE[2..] {
                return;
            }
        }
    }

    /// Asks for a text of so many bytes and reads the answer.
    pub(crate) fn fetch(&mut self, length: usize) {
        let call = format!(
            "{{\"type\":1,\"invocationId\":\"1\",\"target\":\"text\",\"arguments\":[{length}]}}\x1e"
        );
        self.frame(call.as_bytes());
        loop {
            let mut head = [0; 2];
            self.0.read_exact(&mut head).expect("open");
            let mut more = [0; 8];
            let more = &mut more[..match head[1] {
                126 => 2,
                127 => 8,
                _ => 0,
            }];
            self.0.read_exact(more).expect("open");
            let size = match head[1] {
                126.. => more
                    .iter()
                    .fold(0, |sum, byte| sum << 8 | usize::from(*byte)),
                size => size.into(),
            };
            let mut message = vec![0; size];
            self.0.read_exact(&mut message).expect("open");
            if size > length {
                return;
            }
        }
    }

    /// Masked with zeros.
    fn frame(&mut self, payload: &[u8]) {
        let length = u8::try_from(payload.len()).expect("short");
        let frame = [&[0x81, 0x80 | length, 0, 0, 0, 0], payload].concat();
        self.0.write_all(&frame).expect("open");
    }
}
