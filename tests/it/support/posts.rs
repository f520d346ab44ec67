//! A client of Server-Sent Events or long polling that asks the service itself, without a socket, so that time can be paused.

use std::{convert::Infallible, io};

use bytes::Bytes;
use http::{HeaderMap, Request};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use serde_json::{Value, json};
use signalr::{Hub, HubServer, ResponseBody};
use tokio::sync::mpsc;
use tower_service::Service;

use super::{clock::soon, web::HANDSHAKE};

const PING: &str = r#"{"type":6}"#;
pub const NO_ID: &str = "No Connection with that ID";
/// The content type of what a poll brings.
pub const BYTES: Option<&str> = Some("application/octet-stream");

/// A response, with its whole body.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        let value = self.headers.get(name)?;
        Some(value.to_str().expect("a text"))
    }

    /// It is plain text of exactly this status and content.
    #[track_caller]
    pub fn expect_text(&self, status: u16, body: &str) {
        assert_eq!((self.status, &*self.body), (status, body));
        assert_eq!(self.header("content-type"), Some("text/plain"));
    }

    /// No cache may keep it.
    #[track_caller]
    pub fn expect_uncached(&self) {
        for (name, value) in [
            ("cache-control", "no-cache, no-store"),
            ("pragma", "no-cache"),
            ("expires", "Thu, 01 Jan 1970 00:00:00 GMT"),
        ] {
            assert_eq!(self.header(name), Some(value), "{self:?}");
        }
    }

    /// It is what a poll brings; its hub messages.
    #[track_caller]
    pub fn messages(&self) -> Vec<Value> {
        assert_eq!((self.status, self.header("content-type")), (200, BYTES));
        let whole = self.body.strip_suffix('\x1e').expect("whole messages");
        let parse = |message| serde_json::from_str(message).expect(message);
        whole.split('\x1e').map(parse).collect()
    }
}

pub type Feed = mpsc::UnboundedSender<io::Result<Bytes>>;

/// A body that is sent piece by piece.
pub fn fed() -> (
    Feed,
    impl http_body::Body<Data = Bytes, Error = io::Error> + Send + 'static,
) {
    let (feed, mut pieces) = mpsc::unbounded_channel();
    let frames = futures_util::stream::poll_fn(move |cx| {
        let piece = pieces.poll_recv(cx);
        piece.map(|piece| piece.map(|piece: io::Result<_>| piece.map(Frame::data)))
    });
    (feed, StreamBody::new(frames))
}

/// Sends a piece of a body.
pub fn feed(feed: &Feed, text: &str) {
    let piece = Bytes::copy_from_slice(text.as_bytes());
    feed.send(Ok(piece)).expect("it is read");
}

/// A call that the room records.
pub fn record(text: &str) -> String {
    let call = json!({"type": 1, "target": "record", "arguments": [text]});
    format!("{call}\x1e")
}

/// One request to the service. The body is read to its end.
pub async fn ask<S, B>(
    service: &S,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: B,
) -> Answer
where
    S: Service<Request<B>, Response = http::Response<ResponseBody>, Error = Infallible> + Clone,
{
    let response = respond(service, method, target, headers, body).await;
    let (parts, mut body) = response.into_parts();
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let data = frame.expect("a whole body").into_data();
        bytes.extend_from_slice(&data.expect("no trailers"));
    }
    Answer {
        status: parts.status.as_u16(),
        headers: parts.headers,
        body: String::from_utf8(bytes).expect("a text"),
    }
}

/// One request to the service; the body of its answer is left to read.
pub async fn respond<S, B>(
    service: &S,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: B,
) -> http::Response<ResponseBody>
where
    S: Service<Request<B>, Response = http::Response<ResponseBody>, Error = Infallible> + Clone,
{
    let mut request = Request::builder().method(method).uri(target);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(body).expect("a request");
    service
        .clone()
        .call(request)
        .await
        .unwrap_or_else(|never| match never {})
}

/// Who has negotiated a connection.
pub struct Client<H: Hub> {
    pub hub: HubServer<H>,
    pub id: String,
    pub token: String,
}

impl<H: Hub> Clone for Client<H> {
    fn clone(&self) -> Self {
        Self {
            hub: self.hub.clone(),
            id: self.id.clone(),
            token: self.token.clone(),
        }
    }
}

impl<H: Hub> Client<H> {
    pub async fn negotiate(hub: &HubServer<H>) -> Self {
        let target = "/negotiate?negotiateVersion=1";
        let answer = ask(hub, "POST", target, &[], String::new()).await;
        let json: Value = serde_json::from_str(&answer.body).expect("JSON");
        let text = |name: &str| json[name].as_str().expect("a text").to_owned();
        Self {
            hub: hub.clone(),
            id: text("connectionId"),
            token: text("connectionToken"),
        }
    }

    pub fn target(&self) -> String {
        format!("/?id={}", self.token)
    }

    pub async fn ask<B>(&self, method: &str, body: B) -> Answer
    where
        B: http_body::Body + Send + 'static,
    {
        ask(&self.hub, method, &self.target(), &[], body).await
    }

    /// Posts text, and expects nothing but success.
    pub async fn post(&self, body: impl Into<String>) {
        let answer = soon(self.ask("POST", body.into())).await;
        answer.expect_text(200, "");
    }

    /// Sends a hub message.
    pub async fn tell(&self, message: &str) {
        self.post(format!("{message}\x1e")).await;
    }

    /// Sends a call.
    pub async fn call(&self, id: &str, method: &str, arguments: Value) {
        let call = json!({
            "type": 1, "invocationId": id, "target": method, "arguments": arguments,
        });
        self.tell(&call.to_string()).await;
    }

    pub async fn shake_hands(&self) {
        self.post(String::from_utf8(HANDSHAKE.to_vec()).expect("a text"))
            .await;
    }

    pub async fn delete(&self) -> Answer {
        self.ask("DELETE", String::new()).await
    }

    /// Polls and waits for the answer.
    pub async fn poll(&self) -> Answer {
        soon(self.ask("GET", String::new())).await
    }

    /// Polls in a task of its own.
    pub fn poll_later(&self) -> tokio::task::JoinHandle<Answer> {
        let client = self.clone();
        tokio::spawn(async move { client.poll().await })
    }

    /// Opens the event stream.
    pub async fn events(&self) -> Events {
        let accept = [("accept", "text/event-stream")];
        let target = self.target();
        let response = respond(&self.hub, "GET", &target, &accept, String::new()).await;
        let (parts, body) = response.into_parts();
        assert_eq!(parts.status, 200);
        Events {
            headers: parts.headers,
            body,
            buffer: String::new(),
        }
    }

    /// Opens the connection by its first poll, and shakes hands.
    pub async fn polling(hub: &HubServer<H>) -> Polling<H> {
        let client = Self::negotiate(hub).await;
        let first = client.poll().await;
        assert_eq!((first.status, &*first.body), (200, ""));
        client.shake_hands().await;
        let answer = client.poll().await;
        assert!(answer.body.starts_with("{}\x1e"), "{answer:?}");
        let rest = answer.body[3..].to_owned();
        Polling { client, rest }
    }

    /// Opens the event stream, and shakes hands.
    pub async fn listening(hub: &HubServer<H>) -> (Self, Events) {
        let client = Self::negotiate(hub).await;
        let mut events = client.events().await;
        client.shake_hands().await;
        assert_eq!(events.text().await.as_deref(), Some("{}"));
        (client, events)
    }
}

/// A client that polls.
pub struct Polling<H: Hub> {
    pub client: Client<H>,
    rest: String,
}

impl<H: Hub> Polling<H> {
    /// The next hub message.
    pub async fn json(&mut self) -> Value {
        loop {
            if let Some((message, rest)) = self.rest.split_once('\x1e') {
                let message = serde_json::from_str(message).expect(message);
                self.rest = rest.to_owned();
                return message;
            }
            let answer = self.client.poll().await;
            assert_eq!(answer.status, 200, "{answer:?}");
            assert!(answer.body.is_empty() || answer.body.ends_with('\x1e'));
            self.rest = answer.body;
        }
    }

    pub async fn invoke(&mut self, method: &str, arguments: Value) -> Value {
        self.client.call("i", method, arguments).await;
        completion(self.json().await)
    }
}

/// The body of an event stream.
pub struct Events {
    pub headers: HeaderMap,
    body: ResponseBody,
    buffer: String,
}

impl Events {
    /// Reads on; `None` at the end, whether it is a good or a bad one.
    pub async fn frame(&mut self) -> Option<Result<String, signalr::Error>> {
        let frame = soon(self.body.frame()).await?;
        Some(frame.map(|frame| {
            let data = frame.into_data().expect("no trailers");
            String::from_utf8(data.to_vec()).expect("a text")
        }))
    }

    /// The next event as it came, without the comment at the beginning.
    pub async fn event(&mut self) -> Option<String> {
        loop {
            if let Some(rest) = self.buffer.strip_prefix(":\r\n") {
                self.buffer = rest.to_owned();
            }
            if let Some(end) = self.buffer.find("\r\n\r\n") {
                return Some(self.buffer.drain(..end + 4).collect());
            }
            match self.frame().await {
                Some(frame) => self.buffer += &frame.expect("a whole body"),
                None => {
                    assert_eq!(self.buffer, "", "half an event at the end");
                    return None;
                }
            }
        }
    }

    /// The hub messages of the next event.
    pub async fn messages(&mut self) -> Option<Vec<String>> {
        let event = self.event().await?;
        let lines: Vec<_> = event
            .trim_end_matches("\r\n")
            .split("\r\n")
            .map(|line| line.strip_prefix("data: ").expect("a line of data"))
            .collect();
        let payload = lines.join("\n");
        let whole = payload.strip_suffix('\x1e').expect("whole messages");
        Some(whole.split('\x1e').map(str::to_owned).collect())
    }

    /// The only hub message of the next event that is no ping.
    pub async fn text(&mut self) -> Option<String> {
        loop {
            let messages = self.messages().await?;
            assert_eq!(messages.len(), 1, "{messages:?}");
            if messages[0] != PING {
                return Some(messages[0].clone());
            }
        }
    }

    /// The next message is the completion of a call.
    pub async fn result(&mut self) -> Value {
        let text = self.text().await.expect("open");
        completion(serde_json::from_str(&text).expect("JSON"))
    }
}

fn completion(mut message: Value) -> Value {
    assert_eq!(message["type"], 3, "{message}");
    match message["error"].take() {
        Value::Null => message["result"].take(),
        error => json!({ "error": error }),
    }
}
