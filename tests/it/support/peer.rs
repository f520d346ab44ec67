//! A client that speaks the hub protocol by hand over an in-memory pipe or any other byte stream, in the encoding of the test.
//!
//! Messages are given and shown as JSON in either encoding.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use serde_json::{Value, json};
use signalr::{Hub, HubServer};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream},
    task::JoinHandle,
};

use super::{Encoding, msgpack};

/// The end of a text frame.
const SEPARATOR: u8 = 0x1e;
/// What no answer should take; time is paused in most tests.
const PATIENCE: Duration = Duration::from_secs(600);

pub const PING: &str = r#"{"type":6}"#;

/// One connection. Reading fails the test when the server has nothing to say.
pub struct Peer<S = DuplexStream> {
    io: S,
    buffer: BytesMut,
    /// Bytes in the buffer that are no separator.
    searched: usize,
    /// The connection's task, where the peer has started it.
    served: Option<JoinHandle<()>>,
    encoding: Encoding,
    /// Whether the request for that encoding was sent, and whether it was accepted: before, either side speaks JSON.
    requested: bool,
    accepted: bool,
}

impl Peer {
    /// Opens a connection without a handshake.
    pub fn open<H: Hub>(server: &HubServer<H>) -> Self {
        Self::open_with(server, 1 << 20)
    }

    /// Opens a connection whose pipe holds `capacity` bytes in each direction.
    pub fn open_with<H: Hub>(server: &HubServer<H>, capacity: usize) -> Self {
        Self::open_as(Encoding::of_this_test(), server, capacity)
    }

    /// Like [`open`](Self::open), in this encoding whatever the test's is.
    pub fn open_in<H: Hub>(encoding: Encoding, server: &HubServer<H>) -> Self {
        Self::open_as(encoding, server, 1 << 20)
    }

    fn open_as<H: Hub>(encoding: Encoding, server: &HubServer<H>, capacity: usize) -> Self {
        let (io, other) = tokio::io::duplex(capacity);
        let server = server.clone();
        let served = tokio::spawn(async move { server.serve_connection(other).await });
        Self {
            served: Some(served),
            encoding,
            ..Self::over(io)
        }
    }

    /// Opens a connection and shakes hands.
    pub async fn connect<H: Hub>(server: &HubServer<H>) -> Self {
        let mut peer = Self::open(server);
        peer.shake_hands().await;
        peer
    }

    /// Like [`connect`](Self::connect), in this encoding whatever the test's is.
    pub async fn connect_in<H: Hub>(encoding: Encoding, server: &HubServer<H>) -> Self {
        let mut peer = Self::open_in(encoding, server);
        peer.shake_hands().await;
        peer
    }

    /// Like [`connect`](Self::connect), with a pipe of `capacity` bytes in each direction.
    pub async fn connect_with<H: Hub>(server: &HubServer<H>, capacity: usize) -> Self {
        let mut peer = Self::open_with(server, capacity);
        peer.shake_hands().await;
        peer
    }

    /// Goes away and waits until the server has noticed.
    pub async fn leave(self) {
        drop(self.io);
        let served = self.served.expect("a pipe");
        served.await.expect("the connection's task does not panic");
    }

    /// Like [`leave`](Self::leave), where the connection's task may panic.
    pub async fn go(self) {
        drop(self.io);
        self.served.expect("a pipe").await.ok();
    }

    /// Drops the connection's task at once, wherever it is.
    pub fn cut(&self) {
        self.served.as_ref().expect("a pipe").abort();
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Peer<S> {
    /// A client over a stream whose other end is served already.
    pub fn over(io: S) -> Self {
        Self {
            io,
            buffer: BytesMut::new(),
            searched: 0,
            served: None,
            encoding: Encoding::of_this_test(),
            requested: false,
            accepted: false,
        }
    }

    pub async fn shake_hands(&mut self) {
        self.start_handshake().await;
        assert_eq!(self.frame().await.as_deref(), Some("{}"));
    }

    /// Sends the request of a handshake.
    pub async fn start_handshake(&mut self) {
        self.start_handshake_with(&[]).await;
    }

    /// Sends the request of a handshake and messages in one piece.
    pub async fn start_handshake_with(&mut self, messages: &[&str]) {
        let frames = self.encoding.frames(messages);
        self.request(&[self.encoding.handshake(), frames].concat())
            .await;
    }

    /// Sends these bytes as the request. What is sent from now on is in the encoding that it asks for.
    pub async fn request(&mut self, handshake: &[u8]) {
        self.send_bytes(handshake).await;
        self.requested = true;
    }

    /// Sends a message.
    pub async fn send(&mut self, message: &str) {
        self.send_all(&[message]).await;
    }

    /// Sends messages in one piece.
    pub async fn send_all(&mut self, messages: &[&str]) {
        let encoding = if self.requested {
            self.encoding
        } else {
            Encoding::Json
        };
        self.send_bytes(&encoding.frames(messages)).await;
    }

    /// Sends what is no message in any encoding.
    pub async fn send_nonsense(&mut self) {
        self.send_bytes(b"\x08nonsense\x1e").await;
    }

    pub async fn send_bytes(&mut self, bytes: &[u8]) {
        self.io.write_all(bytes).await.expect("the server reads");
    }

    /// Like [`send_bytes`](Self::send_bytes), to a server that may have closed already.
    pub async fn try_send_bytes(&mut self, bytes: &[u8]) -> bool {
        self.io.write_all(bytes).await.is_ok()
    }

    /// Sends a call and waits for nothing.
    pub async fn call(&mut self, id: &str, method: &str, arguments: Value) {
        let call = json!({
            "type": 1, "invocationId": id, "target": method, "arguments": arguments,
        });
        self.send(&call.to_string()).await;
    }

    /// Sends a call that wants no answer.
    pub async fn tell(&mut self, method: &str, arguments: Value) {
        let call = json!({ "type": 1, "target": method, "arguments": arguments });
        self.send(&call.to_string()).await;
    }

    /// Sends a call with upload streams of these ids.
    pub async fn upload(&mut self, id: &str, method: &str, arguments: Value, streams: &[&str]) {
        let call = json!({
            "type": 1, "invocationId": id, "target": method, "arguments": arguments, "streamIds": streams,
        });
        self.send(&call.to_string()).await;
    }

    /// Sends an item of an upload stream.
    pub async fn item(&mut self, stream: &str, item: Value) {
        let item = json!({ "type": 2, "invocationId": stream, "item": item });
        self.send(&item.to_string()).await;
    }

    /// Ends an upload stream.
    pub async fn end_of(&mut self, stream: &str) {
        let end = json!({ "type": 3, "invocationId": stream });
        self.send(&end.to_string()).await;
    }

    /// The next frame, or `None` at the end of the connection.
    pub async fn frame(&mut self) -> Option<String> {
        let bytes = self.body().await?;
        if self.accepted && self.encoding == Encoding::MessagePack {
            return Some(msgpack::show(&bytes));
        }
        let text = std::str::from_utf8(&bytes).expect("UTF-8");
        // In JSON, nothing but the handshake's answer looks like this.
        self.accepted |= text == "{}";
        Some(text.to_owned())
    }

    /// The next frame as it came, without its length or separator.
    pub async fn body(&mut self) -> Option<Bytes> {
        loop {
            if let Some(body) = self.take_frame() {
                return Some(body);
            }
            let read = self.io.read_buf(&mut self.buffer);
            let read = tokio::time::timeout(PATIENCE, read).await;
            if read.expect("an answer in time").expect("a whole stream") == 0 {
                assert_eq!(&self.buffer[..], b"", "half a frame at the end");
                return None;
            }
        }
    }

    fn take_frame(&mut self) -> Option<Bytes> {
        if self.accepted && self.encoding == Encoding::MessagePack {
            return msgpack::take_frame(&mut self.buffer);
        }
        let new = &self.buffer[self.searched..];
        let Some(at) = new.iter().position(|byte| *byte == SEPARATOR) else {
            self.searched = self.buffer.len();
            return None;
        };
        let end = std::mem::take(&mut self.searched) + at;
        let frame = self.buffer.split_to(end + 1).freeze();
        Some(frame.slice(..end))
    }

    /// The next frame that is no ping.
    pub async fn text(&mut self) -> String {
        loop {
            let frame = self.frame().await.expect("the connection is open");
            if frame != PING {
                return frame;
            }
        }
    }

    /// The next frame that is no ping, as JSON.
    pub async fn json(&mut self) -> Value {
        let text = self.text().await;
        serde_json::from_str(&text).expect(&text)
    }

    /// Calls a method and waits for its completion.
    pub async fn invoke(&mut self, method: &str, arguments: Value) -> Value {
        self.call("i", method, arguments).await;
        self.completion("i").await
    }

    /// The next message is the completion of this call; an error comes as `{"error": …}`.
    pub async fn completion(&mut self, id: &str) -> Value {
        let mut completion = self.json().await;
        assert_eq!(completion["type"], 3, "{completion}");
        assert_eq!(completion["invocationId"], id, "{completion}");
        match completion["error"].take() {
            Value::Null => completion["result"].take(),
            error => json!({ "error": error }),
        }
    }

    /// The next message calls this handler without wanting an answer; its arguments.
    pub async fn heard(&mut self, target: &str) -> Value {
        let mut call = self.json().await;
        assert_eq!(call["type"], 1, "{call}");
        assert_eq!(call["target"], target, "{call}");
        assert_eq!(call["invocationId"], Value::Null, "{call}");
        call["arguments"].take()
    }

    /// The next message asks something; its id.
    pub async fn asked(&mut self, target: &str) -> String {
        let question = self.json().await;
        assert_eq!(question["type"], 1);
        assert_eq!(question["target"], target);
        question["invocationId"].as_str().expect("an id").to_owned()
    }

    /// Answers a question.
    pub async fn answer(&mut self, id: &str, result: Value) {
        let answer = json!({"type": 3, "invocationId": id, "result": result});
        self.send(&answer.to_string()).await;
    }

    /// Proves that nothing was sent: a call made now is answered next, and correctly.
    pub async fn expect_silence(&mut self) {
        self.call("silence", "no such method", json!([])).await;
        assert_eq!(self.json().await["invocationId"], "silence");
    }

    /// The server ends the connection.
    pub async fn expect_end(&mut self) {
        while let Some(frame) = self.frame().await {
            assert_eq!(frame, PING, "a frame after the last");
        }
    }

    /// The server says exactly this and ends the connection.
    pub async fn expect_close(&mut self, close: &str) {
        assert_eq!(self.text().await, close);
        self.expect_end().await;
    }

    /// Stops sending; the server may still say something.
    pub async fn finish(&mut self) {
        self.io.shutdown().await.expect("a whole stream");
    }

    /// Reads a single byte and drops it; `false` at the end.
    pub async fn read_one(&mut self) -> bool {
        self.io.read_u8().await.is_ok()
    }
}
