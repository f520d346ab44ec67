//! A client that speaks the hub protocol by hand over an in-memory pipe.

use std::time::Duration;

use bytes::BytesMut;
use serde_json::{Value, json};
use signalr::{Hub, HubServer};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream},
    task::JoinHandle,
};

/// The end of a frame.
const SEPARATOR: u8 = 0x1e;
/// What no answer should take; time is paused in most tests.
const PATIENCE: Duration = Duration::from_secs(600);

pub const PING: &str = r#"{"type":6}"#;

/// One connection. Reading fails the test when the server has nothing to say.
pub struct Peer {
    io: DuplexStream,
    buffer: BytesMut,
    served: JoinHandle<()>,
}

impl Peer {
    /// Opens a connection without a handshake.
    pub fn open<H: Hub>(server: &HubServer<H>) -> Self {
        Self::open_with(server, 1 << 20)
    }

    /// Opens a connection whose pipe holds `capacity` bytes in each direction.
    pub fn open_with<H: Hub>(server: &HubServer<H>, capacity: usize) -> Self {
        let (io, other) = tokio::io::duplex(capacity);
        let server = server.clone();
        let served = tokio::spawn(async move { server.serve_connection(other).await });
        Self {
            io,
            buffer: BytesMut::new(),
            served,
        }
    }

    /// Opens a connection and shakes hands for JSON.
    pub async fn connect<H: Hub>(server: &HubServer<H>) -> Self {
        let mut peer = Self::open(server);
        peer.shake_hands().await;
        peer
    }

    /// Like [`connect`](Self::connect), with a pipe of `capacity` bytes in each direction.
    pub async fn connect_with<H: Hub>(server: &HubServer<H>, capacity: usize) -> Self {
        let mut peer = Self::open_with(server, capacity);
        peer.shake_hands().await;
        peer
    }

    pub async fn shake_hands(&mut self) {
        self.send(r#"{"protocol":"json","version":1}"#).await;
        assert_eq!(self.frame().await.as_deref(), Some("{}"));
    }

    /// Sends text and a separator.
    pub async fn send(&mut self, frame: &str) {
        let mut bytes = frame.as_bytes().to_vec();
        bytes.push(SEPARATOR);
        self.send_bytes(&bytes).await;
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
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == SEPARATOR) {
                let frame = self.buffer.split_to(end + 1);
                let text = std::str::from_utf8(&frame[..end]).expect("UTF-8");
                return Some(text.to_owned());
            }
            let read = self.io.read_buf(&mut self.buffer);
            let read = tokio::time::timeout(PATIENCE, read).await;
            if read.expect("an answer in time").expect("a whole pipe") == 0 {
                assert_eq!(&self.buffer[..], b"", "half a frame at the end");
                return None;
            }
        }
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
        self.io.shutdown().await.expect("a whole pipe");
    }

    /// Reads a single byte and drops it; `false` at the end.
    pub async fn read_one(&mut self) -> bool {
        self.io.read_u8().await.is_ok()
    }

    /// Goes away and waits until the server has noticed.
    pub async fn leave(self) {
        drop(self.io);
        self.served
            .await
            .expect("the connection's task does not panic");
    }

    /// Like [`leave`](Self::leave), where the connection's task may panic.
    pub async fn go(self) {
        drop(self.io);
        self.served.await.ok();
    }

    /// Drops the connection's task at once, wherever it is.
    pub fn cut(&self) {
        self.served.abort();
    }
}
